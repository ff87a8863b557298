package awslambda

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/advice"
)

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
	// ImageID names the code: the image's digest, or the digest of the zip.
	ImageID string
	// ImageURI names the image by its digest; empty for a zip, and if it is unknown.
	ImageURI string
	// SizeBytes is the size of the zip; 0 for an image.
	SizeBytes int64
	// Inactive functions have to be woken by an invocation.
	Inactive bool
	// Reserved is the function's own concurrency; -1 where it has none.
	Reserved int
	// Provisioned is true if environments stand ready: their starts are not cold.
	Provisioned bool
	LogGroup    string
	// Warnings are what a reader of the numbers should know.
	Warnings []string

	config *types.FunctionConfiguration
}

func factsOf(ref Ref, out *lambda.GetFunctionOutput) (*Facts, error) {
	cfg := out.Configuration
	f := &Facts{
		Ref: ref, Version: cmp.Or(aws.ToString(cfg.Version), "$LATEST"), MemoryMB: int(aws.ToInt32(cfg.MemorySize)),
		Timeout:  time.Duration(aws.ToInt32(cfg.Timeout)) * time.Second,
		Zip:      cfg.PackageType != types.PackageTypeImage,
		Inactive: cfg.State == types.StateInactive, Reserved: -1,
		LogGroup: "/aws/lambda/" + ref.Name, Arch: "amd64", ImageID: codeID(out), ImageURI: imageURI(out), config: cfg,
	}
	if slices.Contains(cfg.Architectures, types.ArchitectureArm64) {
		f.Arch = "arm64"
	}
	if f.Zip {
		f.SizeBytes = cfg.CodeSize
	}
	if l := cfg.LoggingConfig; l != nil {
		f.LogGroup = cmp.Or(aws.ToString(l.LogGroup), f.LogGroup)
		if l.LogFormat == types.LogFormatJson && l.SystemLogLevel == types.SystemLogLevelWarn {
			return nil, advice.Hint(fmt.Errorf("function %s hides REPORT: its log format is JSON and its system log level WARN", ref),
				fmt.Sprintf("aws lambda update-function-configuration --function-name %s --logging-config LogFormat=JSON,SystemLogLevel=INFO", ref.Name))
		}
	}
	if s := cfg.SnapStart; s != nil && s.ApplyOn == types.SnapStartApplyOnPublishedVersions {
		f.Warnings = append(f.Warnings, fmt.Sprintf("versions of %s are restored from a snapshot (SnapStart): what is called init is their Restore Duration", ref.Name))
	}
	if out.Concurrency != nil && out.Concurrency.ReservedConcurrentExecutions != nil {
		f.Reserved = int(*out.Concurrency.ReservedConcurrentExecutions)
	}
	reason := aws.ToString(cfg.StateReason)
	switch cfg.State {
	case types.StatePending:
		return nil, advice.Hint(fmt.Errorf("function %s is not ready: it is being created", ref), "wait for it: aws lambda wait function-active-v2 --function-name "+ref.Name)
	case types.StateFailed:
		return nil, advice.Hint(fmt.Errorf("function %s has failed: %s", ref, scrub(cmp.Or(reason, string(cfg.StateReasonCode)))), "deploy it again: make deploy")
	case types.StateActive, types.StateInactive, "":
	default:
		return nil, fmt.Errorf("function %s can't be measured: its state is %s", ref, cfg.State)
	}
	if cfg.LastUpdateStatus == types.LastUpdateStatusInProgress {
		return nil, advice.Hint(fmt.Errorf("function %s is being updated", ref), "wait for it: aws lambda wait function-updated-v2 --function-name "+ref.Name)
	}
	if f.Reserved == 0 {
		return nil, advice.Hint(fmt.Errorf("function %s can't run: its reserved concurrency is 0", ref), "aws lambda delete-function-concurrency --function-name "+ref.Name)
	}
	return f, nil
}

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

// Updatable says why variables can't be added to a function; nil if they can.
func (f *Facts) Updatable(add map[string]string) error {
	cfg := f.config
	if f.Ref.Qualifier != "" {
		return advice.Hint(fmt.Errorf("%s is a version or alias: it can't be updated", f.Ref), "--strategy burst, idle or version")
	}
	size := 0
	if e := cfg.Environment; e != nil {
		if e.Error != nil {
			return advice.Hint(fmt.Errorf("function %s: its variables can't be read (%s), an update would wipe them", f.Ref, scrub(aws.ToString(e.Error.ErrorCode))), "allow kms:Decrypt for the function's key")
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
			return advice.Hint(fmt.Errorf("function %s has a variable %s already, whose value would be lost", f.Ref, k), "take it off the function, or use --strategy idle")
		}
	}
	for k, v := range add {
		size += len(k) + len(v)
	}
	const limit = 4096 // Lambda's limit of all variables together
	if size > limit {
		return advice.Hint(fmt.Errorf("function %s: its variables would take %d of %d bytes with the one that bench adds", f.Ref, size, limit), "shorten them, or use --strategy idle")
	}
	return nil
}
