package awssim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"coldbench/bench/internal/awssim"
)

func TestParseFaults(t *testing.T) {
	got, err := awssim.ParseFaults(" throttle=0.05, error=0.02,reset=0.01,slow=1,nolog=0.5,eni=0,")
	if want := (awssim.Faults{Throttle: 0.05, Error: 0.02, Reset: 0.01, Slow: 1, NoLog: 0.5}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := awssim.ParseFaults(""); err != nil || got != (awssim.Faults{}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"throttle", "throttle=", "throttle=2", "throttle=-1", "throttle=NaN", "throttle=x", "magic=0.1", "=0.1", "Throttle=0.1,,x"} {
		if got, err := awssim.ParseFaults(bad); err == nil || got != (awssim.Faults{}) {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add("throttle=0.05,error=0.02")
	f.Add("slow=1e-3, kms=1")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := awssim.ParseFaults(text)
		if err != nil && got != (awssim.Faults{}) {
			t.Errorf("%q: %+v beside %v", text, got, err)
		}
		for _, r := range []float64{got.Throttle, got.Error, got.Reset, got.Slow, got.KMS, got.Late} {
			if !(r >= 0 && r <= 1) {
				t.Errorf("%q: a rate of %v", text, r)
			}
		}
	})
}

// Each fault is what AWS would answer, and nothing ran.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults awssim.Faults
		status int
		code   string
		// Lambda's control plane, STS and CloudWatch Logs have their own; empty
		// where the fault is not of them.
		control, sts, logs string
	}{
		{"throttle", awssim.Faults{Throttle: 1}, 429, "TooManyRequestsException", "TooManyRequestsException", "Throttling", "ThrottlingException"},
		{"error", awssim.Faults{Error: 1}, 500, "ServiceException", "ServiceException", "ServiceException", "ServiceException"},
		{"expired", awssim.Faults{Expired: 1}, 403, "ExpiredTokenException", "ExpiredTokenException", "ExpiredToken", "ExpiredTokenException"},
		{"denied", awssim.Faults{Denied: 1}, 403, "AccessDeniedException", "AccessDeniedException", "AccessDenied", "AccessDeniedException"},
		{"conflict", awssim.Faults{Conflict: 1}, 409, "ResourceConflictException", "", "", ""},
		{"eni", awssim.Faults{ENI: 1}, 502, "ENILimitReachedException", "", "", ""},
		{"kms", awssim.Faults{KMS: 1}, 502, "KMSDisabledException", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newToys()
			w := newWorld(t, awssim.Options{Engine: e, Faults: c.faults})
			w.deploy("f", awssim.Function{})
			_, err := w.try("f")
			refused(t, err, c.status, c.code)
			_, err = w.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), MemorySize: aws.Int32(256)})
			_, stsErr := w.sts.GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
			_, logsErr := w.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")})
			if c.control == "" {
				if err != nil || stsErr != nil {
					t.Errorf("a fault of others: %v, %v", err, stsErr)
				}
			} else {
				refused(t, err, c.status, c.control)
				refused(t, stsErr, c.status, c.sts)
				status := 400
				if c.status >= 500 {
					status = c.status
				}
				refused(t, logsErr, status, c.logs)
			}
			n := w.server.Stats()
			if n.Served != 0 || n.Refused != 1 || e.Made() != 0 || n.Faults[c.name] == 0 {
				t.Errorf("%+v", n)
			}
			if m := n.Functions["f"].MemoryMB; c.control != "" && m != 128 {
				t.Errorf("a refused update was made: %d MB", m)
			}
		})
	}
}

// A connection breaks before the call is done, or after it; the counts tell.
func TestResets(t *testing.T) {
	e := newToys()
	w := newWorld(t, awssim.Options{Engine: e, Faults: awssim.Faults{Reset: 1}, Seed: 5})
	w.deploy("f", awssim.Function{})
	const calls = 40
	for range calls {
		_, err := w.try("f")
		var sent *smithyhttp.RequestSendError
		if !errors.As(err, &sent) {
			t.Fatalf("not a broken connection: %v", err)
		}
	}
	n := w.server.Stats()
	if n.Invocations != calls || n.Served == 0 || n.Refused == 0 || n.Served != n.Lost || n.Served+n.Refused != calls || n.Faults["reset"] != calls || n.Cold+n.Warm != n.Served {
		t.Errorf("%+v", n)
	}
}

func TestSlowUpdates(t *testing.T) {
	c := newClock()
	w := newWorld(t, awssim.Options{Engine: newToys(), Clock: c.Now, Faults: awssim.Faults{Slow: 1}})
	w.deploy("f", awssim.Function{})
	w.update("f", map[string]string{"KEY": "v"})
	for range 4 {
		if s := w.get("f").LastUpdateStatus; s != types.LastUpdateStatusInProgress {
			t.Fatalf("status %s at once", s)
		}
	}
	c.add(1999 * time.Millisecond)
	if s := w.get("f").LastUpdateStatus; s != types.LastUpdateStatusInProgress {
		t.Errorf("status %s in less than two seconds", s)
	}
	c.add(6001 * time.Millisecond)
	if s := w.get("f").LastUpdateStatus; s != types.LastUpdateStatusSuccessful {
		t.Errorf("status %s after eight seconds", s)
	}
	if n := w.server.Stats().Faults["slow"]; n != 1 {
		t.Errorf("%d slow updates", n)
	}
}

func TestLogFaults(t *testing.T) {
	c := newClock()
	for _, f := range []struct {
		name   string
		faults awssim.Faults
	}{{"nolog", awssim.Faults{NoLog: 1}}, {"cut", awssim.Faults{Cut: 1}}, {"late", awssim.Faults{Late: 1}}} {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t, awssim.Options{Engine: newToys(), Clock: c.Now, Ingestion: -1, Faults: f.faults})
			w.deploy("f", awssim.Function{})
			got := w.invoke("f")
			if has := strings.Contains(got.tail, "REPORT"); has != (f.name == "late") {
				t.Errorf("tail %q", got.tail)
			}
			if f.name == "cut" && len(got.tail) != 4096 {
				t.Errorf("%d bytes", len(got.tail))
			}
			if n := len(w.filter("/aws/lambda/f", "REPORT")); (n == 0) != (f.name == "late") {
				t.Errorf("%d reports at once", n)
			}
			c.add(8 * time.Second)
			if n := len(w.filter("/aws/lambda/f", "REPORT")); n != 1 {
				t.Errorf("%d reports in the end", n)
			}
			if n := w.server.Stats().Faults[f.name]; n != 1 {
				t.Errorf("%d faults", n)
			}
		})
	}
}

// The same seed does the same to the same calls, whatever other functions do in
// between; another seed does another thing; the rates are about those asked for.
func TestFaultsFollowTheirSeed(t *testing.T) {
	run := func(seed uint64, name string, others bool) string {
		w := newWorld(t, awssim.Options{Engine: newToys(), Faults: awssim.Faults{Throttle: 0.3}, Seed: seed})
		w.deploy("f", awssim.Function{})
		w.deploy("g", awssim.Function{})
		var b strings.Builder
		for i := range 100 {
			if _, err := w.try(name); err != nil {
				b.WriteByte('x')
			} else {
				b.WriteByte('.')
			}
			if others && i%3 == 0 {
				_, _ = w.try("g")
			}
		}
		return b.String()
	}
	a, b, c, d := run(1, "f", false), run(1, "f", true), run(2, "f", false), run(1, "g", false)
	if a != b || a == c || a == d {
		t.Errorf("%s\n%s\n%s\n%s", a, b, c, d)
	}
	if n := strings.Count(a, "x"); n < 15 || n > 45 {
		t.Errorf("%d of 100 at a rate of 0.3", n)
	}
}
