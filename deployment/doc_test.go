// Package deployment_test checks the Terraform configuration of this folder
// without an account and without the providers. What bench-policy.json allows is
// checked beside the calls that need it, in bench/internal/backend/awslambda.
package deployment_test
