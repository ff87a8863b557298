variable "region" {
  description = "The region; null is that of the environment or the profile, which is also bench's."
  type        = string
  default     = null
}

variable "images" {
  description = "What bench images push pushed: variant -> amd64 or arm64 -> image. A variant that is not in it gets no function."
  type = map(map(object({
    # REPOSITORY@sha256:DIGEST: a tag that moved would not be noticed.
    uri = string
    # What the service says instead of the image.
    entry_point       = optional(list(string))
    command           = optional(list(string))
    working_directory = optional(string)
    environment       = optional(map(string), {})
    # The same image with one more layer each, for bench aws --redeploy; Terraform deploys none of them.
    fresh = optional(list(string), [])
  })))
  default = {}

  validation {
    condition     = alltrue(flatten([for archs in values(var.images) : [for arch, i in archs : contains(["amd64", "arm64"], arch) && can(regex("@sha256:[0-9a-f]{64}$", i.uri))]]))
    error_message = "Each image needs an architecture, amd64 or arm64, and a URI that ends in @sha256: and its digest."
  }
}

variable "memory_mb" {
  description = "Memory size in MB of a service without x-bench: {memory: …}, 128 to 10240."
  type        = number
  default     = 512
}

variable "memory_sizes" {
  description = "Memory sizes in MB that each image has a further function for, PROJECT-VARIANT-SIZEmb. bench aws --memory needs none: it sets the size of the one function."
  type        = set(number)
  default     = []
}

variable "timeout_s" {
  description = "The functions' timeout in seconds."
  type        = number
  default     = 3
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the functions' logs, in days."
  type        = number
  default     = 7
}

variable "tags" {
  description = "Further tags of everything."
  type        = map(string)
  default     = {}
}
