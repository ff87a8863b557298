package runtimeapi

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultRegion is the region of a function that names none.
const DefaultRegion = "us-east-1"

// DefaultAccount is the account of a function that names none, as in AWS's emulator.
const DefaultAccount = "012345678912"

// ARN returns the function's ARN.
func (f Function) ARN() string {
	f = f.withDefaults()
	return "arn:aws:lambda:" + f.Region + ":" + f.Account + ":function:" + f.Name
}

// reserved are the variables that Lambda sets or withholds, whatever an image says.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY",
	"AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
}

// Reserved says whether Lambda sets or withholds a variable itself.
func Reserved(key string) bool { return slices.Contains(reserved, key) }

// Environ composes the environment of the function's processes: Lambda's reserved
// variables, its defaults of others, and over these the image's own (KEY=VALUE; the
// last of one key counts; entries without a key are left out). api is the value of
// AWS_LAMBDA_RUNTIME_API. There are no credentials in it, which an SDK would use.
func (f Function) Environ(image []string, api string) []string {
	f = f.withDefaults()
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_FUNCTION_VERSION=" + f.Version,
		"AWS_LAMBDA_INITIALIZATION_TYPE=" + f.InitializationType,
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + cmp.Or(f.LogStream, newLogStream(f.Version)),
		"AWS_REGION=" + f.Region,
		"AWS_DEFAULT_REGION=" + f.Region,
		"LAMBDA_TASK_ROOT=/var/task",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
	}
	if f.Handler != "" {
		env = append(env, "_HANDLER="+f.Handler)
	}
	env = append(env,
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
	)
	for _, kv := range image {
		key, _, ok := strings.Cut(kv, "=")
		if !ok || key == "" || Reserved(key) || strings.IndexByte(kv, 0) >= 0 {
			continue
		}
		sameKey := func(old string) bool { return strings.HasPrefix(old, key+"=") }
		if i := slices.IndexFunc(env, sameKey); i >= 0 {
			env[i] = kv
		} else {
			env = append(env, kv)
		}
	}
	return env
}

// runtimeOnly are withheld from extensions, as are names with an underscore in front:
// see rapidcore/env/constants.go in AWS's emulator.
var runtimeOnly = []string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}

// ExtensionEnviron returns what an external extension sees of what Environ returned.
// images/start does the same for itself.
func ExtensionEnviron(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(key, "_") || slices.Contains(runtimeOnly, key)
	})
}

// newLogStream makes up the name of a log stream in Lambda's form.
func newLogStream(version string) string {
	var b [16]byte
	rand.Read(b[:])
	return time.Now().UTC().Format("2006/01/02/") + "[" + version + "]" + hex.EncodeToString(b[:])
}
