package deployment_test

// schema is what a resource or data source may hold.
type schema struct {
	// arguments and blocks may be set; required ones must be.
	arguments, required []string
	blocks              map[string][]string
	// exports may be read besides arguments.
	exports []string
}

// meta are the arguments and blocks that Terraform itself gives every resource.
var meta = []string{"for_each", "count", "depends_on", "provider"}

// known lists the resources and data sources in use and their arguments, blocks
// and exported attributes, as the documentation of hashicorp/aws 6.x
// (website/docs/r and website/docs/d of hashicorp/terraform-provider-aws) and of
// hashicorp/archive 2.x (docs/data-sources/file.md) names them. All resources of
// hashicorp/aws 6 take region, too, except those of IAM. What is deprecated there
// is left out on purpose.
var known = map[string]schema{
	"resource aws_ecr_repository": {
		arguments: []string{"name", "force_delete", "image_tag_mutability", "region", "tags"},
		required:  []string{"name"},
		blocks: map[string][]string{
			"encryption_configuration":     {"encryption_type", "kms_key"},
			"image_scanning_configuration": {"scan_on_push"},
		},
		exports: []string{"arn", "registry_id", "repository_url", "tags_all"},
	},
	"resource aws_ecr_repository_policy": {
		arguments: []string{"policy", "region", "repository"},
		required:  []string{"policy", "repository"},
		exports:   []string{"registry_id"},
	},
	"resource aws_iam_role": {
		arguments: []string{"assume_role_policy", "description", "force_detach_policies", "max_session_duration", "name", "name_prefix", "path", "permissions_boundary", "tags"},
		required:  []string{"assume_role_policy"},
		exports:   []string{"arn", "create_date", "id", "name", "tags_all", "unique_id"},
	},
	"resource aws_iam_role_policy_attachment": {
		arguments: []string{"role", "policy_arn"},
		required:  []string{"role", "policy_arn"},
	},
	"resource aws_cloudwatch_log_group": {
		arguments: []string{"name", "name_prefix", "skip_destroy", "log_group_class", "retention_in_days", "kms_key_id", "region", "tags"},
		exports:   []string{"arn", "tags_all"},
	},
	"resource aws_lambda_function": {
		arguments: []string{
			"architectures", "code_signing_config_arn", "description", "filename", "function_name", "handler", "image_uri", "kms_key_arn", "layers",
			"memory_size", "package_type", "publish", "region", "replace_security_groups_on_destroy", "replacement_security_group_ids",
			"reserved_concurrent_executions", "role", "runtime", "s3_bucket", "s3_key", "s3_object_version", "skip_destroy", "source_code_hash",
			"tags", "timeout",
		},
		required: []string{"function_name", "role"},
		blocks: map[string][]string{
			"dead_letter_config": {"target_arn"},
			"environment":        {"variables"},
			"ephemeral_storage":  {"size"},
			"file_system_config": {"arn", "local_mount_path"},
			"image_config":       {"command", "entry_point", "working_directory"},
			"logging_config":     {"application_log_level", "log_format", "log_group", "system_log_level"},
			"snap_start":         {"apply_on"},
			"tracing_config":     {"mode"},
			"vpc_config":         {"ipv6_allowed_for_dual_stack", "security_group_ids", "subnet_ids"},
		},
		exports: []string{"arn", "code_sha256", "invoke_arn", "last_modified", "qualified_arn", "qualified_invoke_arn", "source_code_size", "tags_all", "version"},
	},
	"data aws_partition": {
		exports: []string{"dns_suffix", "id", "partition", "reverse_dns_prefix"},
	},
	"data archive_file": {
		arguments: []string{"excludes", "output_file_mode", "output_path", "source_content", "source_content_filename", "source_dir", "source_file", "type"},
		required:  []string{"output_path", "type"},
		blocks:    map[string][]string{"source": {"content", "filename"}},
		exports:   []string{"id", "output_base64sha256", "output_md5", "output_sha", "output_sha256", "output_size"},
	},
}

// providers are the arguments and blocks of provider blocks, from the same
// documentation.
var providers = map[string]schema{
	"aws": {
		arguments: []string{"access_key", "allowed_account_ids", "forbidden_account_ids", "profile", "region", "secret_key", "token"},
		blocks:    map[string][]string{"default_tags": {"tags"}, "assume_role": {"role_arn"}, "ignore_tags": {"keys", "key_prefixes"}},
	},
	"archive": {},
}
