data "aws_partition" "current" {}

resource "aws_ecr_repository" "images" {
  name = local.project
  # A tag holds the image's digest and is never moved.
  image_tag_mutability = "IMMUTABLE"
  # make destroy leaves nothing behind that costs.
  force_delete = true
}

# Lambda reads the images by this. Where it is missing Lambda adds it, but only
# for a caller who may change it, which bench aws --redeploy need not be.
resource "aws_ecr_repository_policy" "images" {
  repository = aws_ecr_repository.images.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaECRImageRetrievalPolicy"
      Effect    = "Allow"
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role" "function" {
  name        = "${local.project}-function"
  description = "What the measured functions may do: write their logs."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = toset(concat(keys(local.image_functions), keys(local.zip_functions)))

  name              = "/aws/lambda/${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "image" {
  for_each = local.image_functions

  function_name = each.key
  description   = each.value.doc
  role          = aws_iam_role.function.arn
  package_type  = "Image"
  image_uri     = each.value.image.uri
  architectures = [local.machine[each.value.arch]]
  memory_size   = each.value.memory
  timeout       = var.timeout_s

  dynamic "image_config" {
    for_each = anytrue([for v in [each.value.image.entry_point, each.value.image.command, each.value.image.working_directory] : v != null]) ? [each.value.image] : []
    content {
      entry_point       = image_config.value.entry_point
      command           = image_config.value.command
      working_directory = image_config.value.working_directory
    }
  }

  dynamic "environment" {
    for_each = length(each.value.image.environment) > 0 ? [each.value.image.environment] : []
    content {
      variables = environment.value
    }
  }

  # bench reads REPORT lines; JSON logs at level WARN would hide them.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  depends_on = [aws_iam_role_policy_attachment.logs, aws_ecr_repository_policy.images]
}

data "archive_file" "bootstrap" {
  for_each = toset([for f in values(local.zip_functions) : f.arch])

  type             = "zip"
  source_file      = "${local.root}/.build/function/${each.key}/bootstrap"
  output_path      = "${local.root}/.build/deployment/bootstrap-${each.key}.zip"
  output_file_mode = "0755"
}

resource "aws_lambda_function" "zip" {
  for_each = local.zip_functions

  function_name    = each.key
  description      = each.value.doc
  role             = aws_iam_role.function.arn
  package_type     = "Zip"
  filename         = data.archive_file.bootstrap[each.value.arch].output_path
  source_code_hash = data.archive_file.bootstrap[each.value.arch].output_base64sha256
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [local.machine[each.value.arch]]
  memory_size      = each.value.memory
  timeout          = var.timeout_s

  dynamic "environment" {
    for_each = length(each.value.environment) > 0 ? [each.value.environment] : []
    content {
      variables = environment.value
    }
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  depends_on = [aws_iam_role_policy_attachment.logs]
}
