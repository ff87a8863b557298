# The functions that bench aws measures, one for each variant of
# ../docker-compose.yml. The order, which is that of make deploy:
#
#   terraform init
#   terraform apply -target=aws_ecr_repository.images   # a place for the images
#   ../.build/bench images push                         # the images, and images.auto.tfvars.json
#   terraform apply                                     # the functions
#
# make destroy takes everything away again, images and logs included.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.4"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ project = local.project, "managed-by" = "terraform" }, var.tags)
  }
}
