package awslambda

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"coldbench/bench/internal/coldstart"
)

// Account is what preflight found out about who is asking.
type Account struct {
	// ID is the account's number, ARN who bench is there; empty where the
	// endpoint does not say. Neither belongs into a run file.
	ID, ARN string
	// Concurrent is how many environments may run at once in the region,
	// Unreserved how many of them no function has reserved; 0 where the
	// endpoint does not say.
	Concurrent, Unreserved int
}

// Facts are what preflight found out about a deployed function.
type Facts struct {
	Ref Ref
	// Version is what the qualifier stands for; "$LATEST" without one.
	Version string
	// Arch is "amd64" or "arm64".
	Arch     string
	MemoryMB int
	Timeout  time.Duration
	// Zip is false for a container image.
	Zip bool
	// Runtime is the managed runtime of a zip function; empty for an image.
	Runtime string
	// ImageID names the code: the image's digest, or the digest of the zip.
	ImageID string
	// ImageURI names the image by its digest; empty for a zip, and where the
	// endpoint does not say.
	ImageURI string
	// SizeBytes is the size of the zip; 0 for an image, whose size Lambda does
	// not tell.
	SizeBytes int64
	// Inactive functions have to be woken by an invocation.
	Inactive bool
	// Reserved is the function's own concurrency; -1 where it has none.
	Reserved int
	// Provisioned is true where environments stand ready: their starts are no
	// cold starts.
	Provisioned bool
	// SnapStart is true where environments are restored from a snapshot.
	SnapStart bool
	// JSONLogs is true where the log format is JSON.
	JSONLogs bool
	LogGroup string
	// Warnings are what a reader of the numbers should know.
	Warnings []string

	config *types.FunctionConfiguration
}

// Survey is the result of looking before anything is changed.
type Survey struct {
	Account Account
	// Functions holds what was found, Errors what can't be measured and why.
	Functions map[Ref]*Facts
	Errors    map[Ref]error
	// Warnings are what the endpoint lacks.
	Warnings []string

	region string
}

// Reaches says why a function with that home is none of the functions of the
// survey, whatever its name; nil where nothing speaks against it. The error
// names no account.
func (s *Survey) Reaches(h Home) error {
	switch {
	case h.Region != "" && h.Region != s.region:
		return coldstart.Hint(fmt.Errorf("its ARN is of %s, not of %s", h.Region, s.region), "--region "+h.Region)
	case h.Account != "" && s.Account.ID != "" && h.Account != s.Account.ID:
		return coldstart.Hint(errors.New("its ARN is of another account than the one that is logged in to"), "log in to the function's account: --profile NAME or AWS_PROFILE")
	}
	return nil
}

// Survey looks at functions. It changes nothing and invokes nothing. The error
// is of the account: nobody, or nobody who may ask. What is wrong with a
// function is in the Survey.
func (c *Client) Survey(ctx context.Context, refs []Ref) (*Survey, error) {
	s := &Survey{Functions: map[Ref]*Facts{}, Errors: map[Ref]error{}, region: c.region}
	if err := c.surveyAccount(ctx, s); err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if s.Functions[ref] != nil || s.Errors[ref] != nil {
			continue
		}
		facts, err := c.look(ctx, ref)
		switch {
		case err == nil:
			s.Functions[ref] = facts
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case fatal(err):
			return nil, err
		default:
			s.Errors[ref] = err
		}
	}
	return s, nil
}

// surveyAccount asks who bench is and what it may run at once. What another
// endpoint than AWS lacks is a warning.
func (c *Client) surveyAccount(ctx context.Context, s *Survey) error {
	who, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch {
	case err == nil:
		s.Account.ID, s.Account.ARN = aws.ToString(who.Account), aws.ToString(who.Arn)
	case c.rehearsal != "" && kindOf(err) != kindConnection && ctx.Err() == nil:
		s.Warnings = append(s.Warnings, explain("asking who I am", "sts", "GetCallerIdentity", err).Error())
	default:
		return explain("asking who I am", "sts", "GetCallerIdentity", err)
	}
	settings, err := c.control.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	switch {
	case err == nil && settings.AccountLimit != nil:
		s.Account.Concurrent = int(settings.AccountLimit.ConcurrentExecutions)
		s.Account.Unreserved = int(aws.ToInt32(settings.AccountLimit.UnreservedConcurrentExecutions))
		if l := settings.AccountLimit; l.UnreservedConcurrentExecutions != nil && *l.UnreservedConcurrentExecutions == 0 && l.ConcurrentExecutions > 0 {
			s.Warnings = append(s.Warnings, "all of the account's concurrency is reserved: functions without a reservation can't run")
		}
	case err == nil:
		s.Warnings = append(s.Warnings, "asking for the account's concurrency: the endpoint names no limit")
	case c.rehearsal != "" && kindOf(err) != kindConnection && ctx.Err() == nil:
		s.Warnings = append(s.Warnings, explain("asking for the account's concurrency", "lambda", "GetAccountSettings", err).Error())
	default:
		return explain("asking for the account's concurrency", "lambda", "GetAccountSettings", err)
	}
	return nil
}

// look reads what there is to know of a function.
func (c *Client) look(ctx context.Context, ref Ref) (*Facts, error) {
	out, err := c.getFunction(ctx, ref)
	if err != nil {
		return nil, err
	}
	f, err := factsOf(ref, out)
	if err != nil {
		return nil, err
	}
	if ref.Qualifier != "" {
		_, err := c.control.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String(ref.Name), Qualifier: aws.String(ref.Qualifier)})
		switch k := kindOf(err); {
		case err == nil:
			f.Provisioned = true
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s has provisioned concurrency: environments that stand ready are no cold starts", ref))
		case k == kindNotFound, k == kindLacks && c.rehearsal != "":
		default:
			return nil, explain("asking for provisioned concurrency of "+ref.String(), "lambda", "GetProvisionedConcurrencyConfig", err)
		}
	}
	return f, nil
}

func (c *Client) getFunction(ctx context.Context, ref Ref) (*lambda.GetFunctionOutput, error) {
	in := &lambda.GetFunctionInput{FunctionName: aws.String(ref.Name)}
	if ref.Qualifier != "" {
		in.Qualifier = aws.String(ref.Qualifier)
	}
	out, err := c.control.GetFunction(ctx, in)
	switch {
	case kindOf(err) == kindNotFound:
		hint := "make deploy; or --region and --profile, if it is elsewhere"
		if c.rehearsal != "" {
			hint = "make it there, or unset AWS_ENDPOINT_URL and endpoint_url to ask AWS"
		}
		return nil, coldstart.Hint(fmt.Errorf("function %s is not deployed in %s", ref, c.where()), hint)
	case err != nil:
		return nil, explain("reading function "+ref.String(), "lambda", "GetFunction", err)
	case out.Configuration == nil:
		return nil, fmt.Errorf("reading function %s: the endpoint returns no configuration", ref)
	}
	return out, nil
}

// factsOf reads a function's description and refuses what can't be measured.
func factsOf(ref Ref, out *lambda.GetFunctionOutput) (*Facts, error) {
	cfg := out.Configuration
	f := &Facts{
		Ref: ref, Version: aws.ToString(cfg.Version), MemoryMB: int(aws.ToInt32(cfg.MemorySize)),
		Timeout: time.Duration(aws.ToInt32(cfg.Timeout)) * time.Second,
		Zip:     cfg.PackageType != types.PackageTypeImage, Runtime: string(cfg.Runtime),
		Inactive: cfg.State == types.StateInactive, Reserved: -1,
		LogGroup: "/aws/lambda/" + ref.Name, Arch: "amd64", config: cfg,
	}
	if f.Version == "" {
		f.Version = "$LATEST"
	}
	for _, a := range cfg.Architectures {
		if a == types.ArchitectureArm64 {
			f.Arch = "arm64"
		}
	}
	f.ImageID = codeID(out)
	f.ImageURI = imageURI(out)
	if f.Zip {
		f.SizeBytes = cfg.CodeSize
	}
	if l := cfg.LoggingConfig; l != nil {
		f.JSONLogs = l.LogFormat == types.LogFormatJson
		if g := aws.ToString(l.LogGroup); g != "" {
			f.LogGroup = g
		}
		if f.JSONLogs && l.SystemLogLevel == types.SystemLogLevelWarn {
			return nil, coldstart.Hint(fmt.Errorf("function %s hides REPORT: its log format is JSON and its system log level WARN", ref),
				fmt.Sprintf("aws lambda update-function-configuration --function-name %s --logging-config LogFormat=JSON,SystemLogLevel=INFO", ref.Name))
		}
	}
	if s := cfg.SnapStart; s != nil && s.ApplyOn == types.SnapStartApplyOnPublishedVersions {
		f.SnapStart = s.OptimizationStatus == types.SnapStartOptimizationStatusOn
		f.Warnings = append(f.Warnings, fmt.Sprintf("versions of %s are restored from a snapshot (SnapStart): what is called init is their Restore Duration", ref.Name))
	}
	if out.Concurrency != nil && out.Concurrency.ReservedConcurrentExecutions != nil {
		f.Reserved = int(*out.Concurrency.ReservedConcurrentExecutions)
	}
	reason := aws.ToString(cfg.StateReason)
	switch cfg.State {
	case types.StatePending:
		return nil, coldstart.Hint(fmt.Errorf("function %s is not ready: it is being created", ref), "wait for it: aws lambda wait function-active-v2 --function-name "+ref.Name)
	case types.StateFailed:
		return nil, coldstart.Hint(fmt.Errorf("function %s has failed: %s", ref, scrub(orElse(reason, string(cfg.StateReasonCode)))), "deploy it again: make deploy")
	case types.StateActive, types.StateInactive, "":
	default:
		return nil, fmt.Errorf("function %s can't be measured: its state is %s", ref, cfg.State)
	}
	if cfg.LastUpdateStatus == types.LastUpdateStatusInProgress {
		return nil, coldstart.Hint(fmt.Errorf("function %s is being updated", ref), "wait for it: aws lambda wait function-updated-v2 --function-name "+ref.Name)
	}
	if f.Reserved == 0 {
		return nil, coldstart.Hint(fmt.Errorf("function %s can't run: its reserved concurrency is 0", ref), "aws lambda delete-function-concurrency --function-name "+ref.Name)
	}
	return f, nil
}

// codeID names the code of a function: the digest of its image or of its zip.
func codeID(out *lambda.GetFunctionOutput) string {
	if out.Code != nil {
		if _, digest, ok := strings.Cut(aws.ToString(out.Code.ResolvedImageUri), "@"); ok {
			return digest
		}
	}
	sum := aws.ToString(out.Configuration.CodeSha256)
	if raw, err := base64.StdEncoding.DecodeString(sum); err == nil && len(raw) == 32 {
		return fmt.Sprintf("sha256:%x", raw)
	}
	if sum != "" {
		return "sha256:" + sum
	}
	return ""
}

// Capacity returns how many environments of a function may run at once, at
// least 1 and at most n.
func (s *Survey) Capacity(f *Facts, n int) int {
	free := s.Account.Unreserved
	if free == 0 {
		free = s.Account.Concurrent
	}
	if f.Reserved > 0 {
		free = f.Reserved
	}
	if free > 0 {
		n = min(n, free)
	}
	return max(n, 1)
}

// Updatable says why a function can't be updated for a measurement that adds
// variables of the names and values given; nil where it can.
func (f *Facts) Updatable(add map[string]string) error {
	cfg := f.config
	if f.Ref.Qualifier != "" {
		return coldstart.Hint(fmt.Errorf("%s is a version or alias: it can't be updated", f.Ref), "--strategy burst, idle or version")
	}
	size := 0
	if e := cfg.Environment; e != nil {
		if e.Error != nil {
			return coldstart.Hint(fmt.Errorf("function %s: its variables can't be read (%s), an update would wipe them", f.Ref, scrub(aws.ToString(e.Error.ErrorCode))), "allow kms:Decrypt for the function's key")
		}
		for k, v := range e.Variables {
			size += len(k) + len(v)
		}
		for k := range add {
			v, there := e.Variables[k]
			if !there {
				continue
			}
			if k == TokenKey && ourToken(v) {
				size -= len(k) + len(v) // left over; it goes away with ours
				continue
			}
			return coldstart.Hint(fmt.Errorf("function %s has a variable %s already, whose value would be lost", f.Ref, k), "take it off the function, or use --strategy idle")
		}
	}
	for k, v := range add {
		size += len(k) + len(v)
	}
	const limit = 4096 // Lambda's limit of all variables together
	if size > limit {
		return coldstart.Hint(fmt.Errorf("function %s: its variables would take %d of %d bytes with the one that bench adds", f.Ref, size, limit), "shorten them, or use --strategy idle")
	}
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
