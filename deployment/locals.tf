locals {
  root    = "${path.module}/.."
  compose = yamldecode(file("${local.root}/docker-compose.yml"))
  project = one(regexall("(?m)^COMPOSE_PROJECT_NAME=[\"']?([a-z0-9][a-z0-9_-]*)", file("${local.root}/.env")))[0]

  # The variants, as bench sees them.
  services = {
    for name, service in local.compose.services : name => {
      memory = try(tonumber(service["x-bench"].memory), var.memory_mb)
      zip    = try(tobool(service["x-bench"].zip), false)
      doc    = try(service["x-bench"].doc, "")
    } if !try(tobool(service["x-bench"].ignore), false)
  }

  machine = { amd64 = "x86_64", arm64 = "arm64" }
  suffix  = { amd64 = "", arm64 = "-arm64" }

  # PROJECT-VARIANT, PROJECT-VARIANT-arm64, PROJECT-VARIANT-512mb: the names that
  # bench aws looks for, and those of further memory sizes.
  image_functions = {
    for f in flatten([
      for name, service in local.services : [
        for arch, image in lookup(var.images, name, {}) : [
          for size in concat([0], sort(tolist(var.memory_sizes))) : {
            name   = "${local.project}-${name}${local.suffix[arch]}${tonumber(size) == 0 ? "" : "-${size}mb"}"
            arch   = arch
            image  = image
            memory = tonumber(size) == 0 ? service.memory : tonumber(size)
            doc    = service.doc
          }
        ]
      ]
    ]) : f.name => f
  }

  # PROJECT-VARIANT-zip, of the same binary, for x-bench: {zip: true}.
  zip_functions = {
    for f in flatten([
      for name, service in local.services : [
        for arch, image in lookup(var.images, name, {}) : {
          name        = "${local.project}-${name}-zip${local.suffix[arch]}"
          arch        = arch
          environment = image.environment
          memory      = service.memory
          doc         = "The binary of ${name} as a zip."
        }
      ] if service.zip
    ]) : f.name => f
  }
}
