package runtimeapi

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEnviron(t *testing.T) {
	f := Function{Name: "f", Handler: "a.b", MemoryMB: 512, LogStream: "stream"}
	got := f.Environ([]string{
		"PATH=/mine", "A=1", "A=2", "B=x=y", "EMPTY=", "no value", "=no key", "NUL=a\x00b",
		"AWS_LAMBDA_FUNCTION_NAME=other", "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=t", "AWS_ACCESS_KEY=k",
		"_HANDLER=other", "AWS_LAMBDA_RUNTIME_API=other", "AWS_LAMBDA_MAX_CONCURRENCY=9", "AWS_EXECUTION_ENV=x", "_X_AMZN_TRACE_ID=x",
		"AWS_LAMBDA_EXEC_WRAPPER=/w", "TZ=Europe/Berlin",
	}, "127.0.0.1:9001")
	want := []string{
		"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f", "AWS_LAMBDA_LOG_STREAM_NAME=stream",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime", "_HANDLER=a.b",
		"LANG=en_US.UTF-8", "TZ=Europe/Berlin", "PATH=/mine",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"A=2", "B=x=y", "EMPTY=", "AWS_LAMBDA_EXEC_WRAPPER=/w",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, k := range reserved {
		for _, kv := range (Function{Name: "f", MemoryMB: 1}).Environ([]string{k + "=mine"}, "api") {
			if kv == k+"=mine" || strings.Contains(k, "ACCESS_KEY") && strings.HasPrefix(kv, k+"=") {
				t.Errorf("the image's or a credential: %s", kv)
			}
		}
	}
}

func TestLogStreams(t *testing.T) {
	form := regexp.MustCompile(`^AWS_LAMBDA_LOG_STREAM_NAME=\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`)
	seen := map[string]bool{}
	for range 2 {
		for _, kv := range (Function{MemoryMB: 1}).Environ(nil, "") {
			if strings.HasPrefix(kv, "AWS_LAMBDA_LOG_STREAM_NAME=") {
				if !form.MatchString(kv) || seen[kv] {
					t.Errorf("got %s", kv)
				}
				seen[kv] = true
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("streams %v", seen)
	}
}
