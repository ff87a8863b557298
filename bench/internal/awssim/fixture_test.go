package awssim_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/lambdalog"
)

// toyInit is how long the init of a toy took, toyRun an invocation.
const (
	toyInit = 2_345_678
	toyRun  = 1_234_567
)

// newToys is an engine whose functions say what they were made from.
func newToys() *awssimtest.Engine {
	return &awssimtest.Engine{Init: toyInit, Run: toyRun, Handle: func(e awssimtest.Event) awssimtest.Answer {
		text, _ := json.Marshal(map[string]any{"instance": e.Instance, "count": e.Count, "variables": e.Spec.Environment, "memory": e.Spec.Function.MemoryMB})
		return awssimtest.Answer{Payload: string(text)}
	}}
}

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is an endpoint with clients of the SDK.
type world struct {
	t      testing.TB
	server *awssim.Server
	url    string
	lambda *lambda.Client
	logs   *cloudwatchlogs.Client
	sts    *awssts.Client
}

var img = coldstart.Image{ID: "sha256:" + strings.Repeat("cd", 32), Digest: "sha256:" + strings.Repeat("ab", 32), Root: "/none", Arch: "amd64", Entrypoint: []string{"/bootstrap"}}

// newWorld serves an endpoint that ends with the test, which then demands that
// nothing is left of it.
func newWorld(t testing.TB, o awssim.Options) *world {
	t.Helper()
	engine, toy := o.Engine.(*awssimtest.Engine)
	s, err := awssim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		n := s.Stats()
		if n.Environments != 0 || toy && engine.Open() != 0 {
			t.Errorf("%d environments are left", n.Environments)
		}
		if n.Invocations != n.Served+n.Refused {
			t.Errorf("%d invocations came, %d were served and %d refused", n.Invocations, n.Served, n.Refused)
		}
	})
	w := &world{t: t, server: s, url: web.URL}
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), HTTPClient: awshttp.NewBuildableClient(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	w.lambda = lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.APIOptions = append(o.APIOptions, hideWriterTo) })
	w.logs = cloudwatchlogs.NewFromConfig(cfg)
	w.sts = awssts.NewFromConfig(cfg)
	return w
}

// hideWriterTo keeps net/http from sending a body under a lock that smithy's
// closing of it then waits for.
func hideWriterTo(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("HideWriterTo", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if request, ok := in.Request.(*smithyhttp.Request); ok {
			if stream, ok := request.GetStream().(io.ReadSeeker); ok {
				if plain, err := request.SetStream(struct{ io.ReadSeeker }{stream}); err == nil {
					in.Request = plain
				}
			}
		}
		return next.HandleFinalize(ctx, in)
	}), middleware.After)
}

func (w *world) deploy(name string, f awssim.Function) {
	w.t.Helper()
	if err := w.server.Deploy(name, img, f); err != nil {
		w.t.Fatal(err)
	}
}

// invoked is what a toy answers, and what came with it.
type invoked struct {
	Instance, Count, Memory int
	Variables               map[string]string
	tail, version, failure  string
	report                  lambdalog.Report
}

// invoke must succeed.
func (w *world) invoke(name string, options ...func(*lambda.InvokeInput)) invoked {
	w.t.Helper()
	got, err := w.try(name, options...)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func (w *world) try(name string, options ...func(*lambda.InvokeInput)) (invoked, error) {
	in := &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(`{}`), LogType: types.LogTypeTail}
	for _, o := range options {
		o(in)
	}
	out, err := w.lambda.Invoke(context.Background(), in)
	if err != nil {
		return invoked{}, err
	}
	got := invoked{version: aws.ToString(out.ExecutedVersion), failure: aws.ToString(out.FunctionError)}
	_ = json.Unmarshal(out.Payload, &got)
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		return got, err
	}
	got.tail = string(tail)
	id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	if r, _, err := lambdalog.FindReport(got.tail, id); err == nil {
		got.report = r
	}
	return got, nil
}

// qualified asks for a version or alias.
func qualified(q string) func(*lambda.InvokeInput) {
	return func(in *lambda.InvokeInput) { in.Qualifier = aws.String(q) }
}

// token changes a function's variables.
func (w *world) update(name string, variables map[string]string) *lambda.UpdateFunctionConfigurationOutput {
	w.t.Helper()
	out, err := w.lambda.UpdateFunctionConfiguration(w.t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(name), Environment: &types.Environment{Variables: variables},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) get(name string) *types.FunctionConfiguration {
	w.t.Helper()
	out, err := w.lambda.GetFunction(w.t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(name)})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Configuration
}

// updated polls until an update is through.
func (w *world) updated(name string) {
	w.t.Helper()
	for range 3 {
		if c := w.get(name); c.LastUpdateStatus == types.LastUpdateStatusSuccessful && c.State == types.StateActive {
			return
		}
	}
	w.t.Fatalf("%s is still being updated", name)
}

// refused demands an error of AWS's with that status and code.
func refused(t testing.TB, err error, status int, code string) {
	t.Helper()
	var api smithy.APIError
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &answer) {
		t.Fatalf("no error of AWS's: %v", err)
	}
	if api.ErrorCode() != code || answer.HTTPStatusCode() != status {
		t.Fatalf("%d %s, want %d %s: %v", answer.HTTPStatusCode(), api.ErrorCode(), status, code, err)
	}
	if code != "UnknownError" && api.ErrorMessage() == "" {
		t.Errorf("%s has no message", code)
	}
}

// eventually waits for something that another goroutine is about to do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came to: " + what)
		}
	}
}

// raw sends a request without the SDK.
func (w *world) raw(method, path, body string, header ...string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return out, string(text)
}
