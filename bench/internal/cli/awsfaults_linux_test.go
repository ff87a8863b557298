package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/runfile"
)

// What can't be measured ends with exit code 1, a sentence that says why and a
// hint that says what to type, before anything is changed, invoked or written.
func TestAWSRefuses(t *testing.T) {
	t.Parallel()
	zero := 0
	is := func(change func(f *awssim.Function)) func(*cloud) {
		return func(c *cloud) { c.Deploy("p-scratch", change) }
	}
	shows := func(member string, value any) func(*cloud) {
		return func(c *cloud) { c.Shows(map[string]any{member: value}) }
	}
	for _, c := range []struct {
		name string
		// environ is put in place of variables of the same name.
		environ     []string
		args        string
		change      func(c *cloud)
		error, hint string
	}{
		{"no credentials", []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_EC2_METADATA_DISABLED=true"}, "", nil, "credentials", "log in again"},
		{"a profile that is not there", []string{"AWS_PROFILE=gone"}, "", nil, "gone", "--profile NAME"},
		{"credentials that have expired", nil, "", func(c *cloud) {
			c.Fault = awssimtest.Refusing("", 403, "ExpiredTokenException", "The security token included in the request is expired")
		}, "ExpiredTokenException", "log in again"},
		{"no region", []string{"AWS_REGION="}, "", nil, "no region", "--region eu-west-1"},
		{"another region", nil, "mine=arn:aws:lambda:eu-west-3:123456789012:function:p-scratch", nil, "of eu-west-3, not of eu-west-1", "--region eu-west-3"},
		{"another account", nil, "mine=arn:aws:lambda:eu-west-1:210987654321:function:p-scratch", nil, "of another account", "--profile NAME"},
		{"no such function", nil, "mine=none", nil, "none is not deployed in eu-west-1 (endpoint 127.0.0.1", "unset AWS_ENDPOINT_URL"},
		{"being updated", nil, "", shows("LastUpdateStatus", "InProgress"), "being updated", "function-updated-v2"},
		{"pending", nil, "", is(func(f *awssim.Function) { f.State = "Pending" }), "being created", "function-active-v2"},
		{"failed", nil, "", is(func(f *awssim.Function) { f.State = "Failed" }), "has failed", "make deploy"},
		{"another architecture", nil, "--arch arm64 mine=p-scratch", nil, "of architecture amd64, not arm64", "--arch amd64"},
		{"no permission", nil, "", func(c *cloud) {
			c.Fault = awssimtest.Refusing("GetFunction", 403, "AccessDeniedException", "not authorized")
		}, "no permission for lambda:GetFunction", "deployment/bench-policy.json"},
		{"reserved concurrency 0", nil, "", is(func(f *awssim.Function) { f.Reserved = &zero }), "concurrency is 0", "delete-function-concurrency"},
		{"no REPORT in the log", nil, "", is(func(f *awssim.Function) { f.LogFormat, f.SystemLogLevel = "JSON", "WARN" }), "hides REPORT", "SystemLogLevel=INFO"},
		{"variables that can't be read", nil, "", shows("Environment", map[string]any{"Error": map[string]string{"ErrorCode": "AccessDeniedException", "Message": "no"}}), "would wipe them", "kms:Decrypt"},
		{"variables that fill 4 KB", nil, "", is(func(f *awssim.Function) { f.Env["BIG"] = strings.Repeat("x", 4050) }), "of 4096 bytes", "--strategy idle"},
		{"an endpoint without Lambda", nil, "", func(c *cloud) {
			c.Fault = func(_ string, _ int, w http.ResponseWriter, _ *http.Request) bool {
				http.NotFound(w, nil)
				return true
			}
		}, "the endpoint lacks GetFunction", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newCloud(t, "p-scratch")
			if c.change != nil {
				c.change(w)
			}
			args := strings.Fields(c.args)
			if len(args) == 0 {
				args = []string{"scratch"}
			}
			cmd, stdout, stderr := w.command(append([]string{"aws"}, args...)...)
			for _, e := range c.environ {
				k, _, _ := strings.Cut(e, "=")
				cmd.Env = append(slices.DeleteFunc(cmd.Env, func(have string) bool { return strings.HasPrefix(have, k+"=") }), e)
			}
			_ = cmd.Run()
			w.settle()
			if got := cmd.ProcessState.ExitCode(); got != 1 || stdout.Len() > 0 {
				t.Errorf("exit code %d, want 1; stdout %q", got, stdout)
			}
			var errors, hints string
			for line := range strings.Lines(stderr.String()) {
				if strings.HasPrefix(line, "bench: hint: ") {
					hints += line
				} else {
					errors += line
				}
			}
			if !strings.Contains(errors, c.error) || !strings.Contains(hints, c.hint) || c.hint != "" && hints == "" {
				t.Errorf("stderr lacks %q or the hint %q:\n%s", c.error, c.hint, stderr)
			}
			for _, secret := range []string{"123456789012", "210987654321", awssim.Account, "secret", "AKIA"} {
				if strings.Contains(stderr.String(), secret) && !strings.Contains(c.args, secret) {
					t.Errorf("stderr names %s:\n%s", secret, stderr)
				}
			}
			if n := w.Counts["UpdateFunctionConfiguration"] + w.Counts["Invoke"] + w.Counts["DryRun"]; n != 0 {
				t.Errorf("%d updates and invocations: %q", n, w.Calls)
			}
			for _, made := range []string{"results", filepath.Join("state", "coldbench", "aws")} {
				if _, err := os.Stat(filepath.Join(w.dir, made)); err == nil {
					t.Errorf("%s was made", made)
				}
			}
		})
	}
}

// A function that fails is given up, with its reason and what it last wrote; the
// others are measured, and all are restored.
func TestAWSFunctionsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, payload, failure, status, errorType string }{
		{"response", `{"errorMessage":"boom","errorType":"errorString"}`, "Unhandled", "", ""},
		{"timeout", `{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`, "Unhandled", "timeout", ""},
		{"out-of-memory", `{"errorType":"Runtime.OutOfMemory","errorMessage":"signal: killed"}`, "Unhandled", "error", "Runtime.OutOfMemory"},
		{"exit", `{"errorType":"Runtime.ExitError","errorMessage":"exit status 3"}`, "Unhandled", "error", "Runtime.ExitError"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			w := newCloud(t, "p-scratch", "p-al2")
			w.Engine.Handle = func(e awssimtest.Event) awssimtest.Answer {
				if e.Spec.Function.Name != "p-al2" {
					return awssimtest.Answer{}
				}
				return awssimtest.Answer{Payload: c.payload, Error: c.failure, Status: c.status, ErrorType: c.errorType}
			}
			for _, alone := range []bool{false, true} {
				args, code, samples := []string{"--runs", "4", "--cold", "scratch", "al2"}, 3, 5
				if alone {
					args, code, samples = []string{"--runs", "4", "--cold", "al2"}, 1, 0
				}
				e := w.bench(code, args...)
				w.untouched()
				run := w.run()
				if len(run.Samples) != samples || len(run.Failures) != 3 || len(run.Rejects) != 0 {
					t.Errorf("%d samples, %d failures, %d rejects", len(run.Samples), len(run.Failures), len(run.Rejects))
				}
				for _, f := range run.Failures {
					if f.Variant != "al2" || string(f.Reason) != c.reason || f.Report == "" || f.Output == "" {
						t.Errorf("failure %+v", f)
					}
				}
				if !strings.Contains(e.stderr, c.reason) || !strings.Contains(e.stderr, "al2") {
					t.Errorf("stderr does not say what failed:\n%s", e.stderr)
				}
			}
		})
	}
}

// A function that may not run any more, for its concurrency was set to 0 after it
// was looked at, is given up, with each refusal recorded, and restored.
func TestAWSConcurrencyTakenAway(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch")
	c.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
		if op != "Invoke" {
			return false
		}
		w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
		awssimtest.Reply(w, 429, map[string]string{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."})
		return true
	}
	e := c.bench(1, "--runs", "4", "--cold", "--retries", "0", "scratch")
	c.untouched()
	run := c.run()
	if len(run.Samples) != 0 || len(run.Failures) != 0 || len(run.Rejects) != 3 || c.Counts["Invoke"] != 3 {
		t.Errorf("%d samples, %d rejects, %d failures of %d invocations", len(run.Samples), len(run.Rejects), len(run.Failures), c.Counts["Invoke"])
	}
	if !strings.Contains(e.stderr+e.stdout, "ReservedFunctionConcurrentInvocationLimitExceeded") {
		t.Errorf("stderr does not say why:\n%s\n%s", e.stdout, e.stderr)
	}
}

// A permission that is taken away in mid-run ends it: samples are kept, what is
// missing is said with the file that allows it, and the run goes on when it is
// there again.
func TestAWSPermissionTakenAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation, permission, strategy string
		from                            int
	}{
		{"UpdateFunctionConfiguration", "lambda:UpdateFunctionConfiguration", "config-update", 3},
		{"GetFunction", "lambda:GetFunction", "config-update", 4},
		{"DeleteFunction", "lambda:DeleteFunction", "version", 2},
		{"ListVersionsByFunction", "lambda:ListVersionsByFunction", "version", 1},
	} {
		t.Run(c.operation, func(t *testing.T) {
			t.Parallel()
			w := newCloud(t, "p-scratch")
			denied := awssimtest.Refusing(c.operation, 403, "AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/admin/someone is not authorized")
			w.Fault = func(op string, n int, rw http.ResponseWriter, r *http.Request) bool {
				return n >= c.from && denied(op, n, rw, r)
			}
			e := w.bench(1, "--strategy", c.strategy, "--runs", "3", "--cold", "scratch")
			for _, want := range []string{"no permission for " + c.permission, "bench: hint: allow " + c.permission + "; deployment/bench-policy.json"} {
				if !strings.Contains(e.stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, e.stderr)
				}
			}
			if strings.Contains(e.stderr, "someone") || strings.Contains(e.stderr, "123456789012") {
				t.Errorf("stderr names the user:\n%s", e.stderr)
			}
			w.Mu.Lock()
			w.Fault = nil
			w.Mu.Unlock()
			run := w.run()
			kept := len(run.Samples)
			if run.End == nil || run.End.Stopped != runfile.StoppedPlan {
				w.bench(0, "--resume", run.Path)
			} else {
				w.bench(0, "--restore")
			}
			w.untouched()
			if run = w.run(); kept == 0 || len(run.Samples) != 4 || len(run.Failures) != 0 {
				t.Errorf("%d samples, %d of them before, %d failures", len(run.Samples), kept, len(run.Failures))
			}
		})
	}
}
