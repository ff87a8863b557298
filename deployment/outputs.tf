output "repository_url" {
  description = "Where bench images push puts the images."
  value       = aws_ecr_repository.images.repository_url
}

output "functions" {
  description = "The functions: name -> architecture and memory size in MB."
  value = {
    for name, f in merge(aws_lambda_function.image, aws_lambda_function.zip) : name => {
      architecture = f.architectures[0]
      memory_mb    = f.memory_size
    }
  }
}
