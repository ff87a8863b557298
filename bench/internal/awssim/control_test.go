package awssim_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/coldstart"
)

// The SDK's own waiters see a function come and change.
func TestCreateUpdateDelete(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys(), Region: "eu-west-1", Images: func(_ context.Context, uri string) (coldstart.Image, error) {
		if uri != "repository:tag" {
			return coldstart.Image{}, fmt.Errorf("no image %s", uri)
		}
		return img, nil
	}})
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: aws.String("arn:aws:iam::000000000000:role/r"), PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: aws.String("repository:other")}, MemorySize: aws.Int32(256), Timeout: aws.Int32(7),
		Environment: &types.Environment{Variables: map[string]string{"KEY": "v"}}, Description: aws.String("d"),
	}
	_, err := w.lambda.CreateFunction(t.Context(), in)
	refused(t, err, 400, "InvalidParameterValueException")
	in.Code.ImageUri = aws.String("repository:tag")
	out, err := w.lambda.CreateFunction(t.Context(), in)
	if err != nil || out.State != types.StatePending || *out.FunctionArn != "arn:aws:lambda:eu-west-1:000000000000:function:f" || *out.MemorySize != 256 || *out.Timeout != 7 || *out.CodeSha256 != strings.Repeat("ab", 32) {
		t.Fatalf("%+v, %v", out, err)
	}
	_, err = w.lambda.CreateFunction(t.Context(), in)
	refused(t, err, 409, "ResourceConflictException")
	_, err = w.try("f")
	refused(t, err, 409, "ResourceConflictException")
	name := &lambda.GetFunctionInput{FunctionName: aws.String("f")}
	if err := lambda.NewFunctionActiveV2Waiter(w.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	}).Wait(t.Context(), name, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := w.invoke("f"); got.Memory != 256 || got.Variables["KEY"] != "v" {
		t.Errorf("%+v", got)
	}
	if _, err := w.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), MemorySize: aws.Int32(512)}); err != nil {
		t.Fatal(err)
	}
	if err := lambda.NewFunctionUpdatedV2Waiter(w.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	}).Wait(t.Context(), name, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := w.invoke("f"); got.Memory != 512 || got.Variables["KEY"] != "v" || got.Count != 1 {
		t.Errorf("%+v", got)
	}
	code, err := w.lambda.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ImageUri: aws.String("repository:tag")})
	if err != nil || code.LastUpdateStatus != types.LastUpdateStatusInProgress {
		t.Fatalf("%+v, %v", code, err)
	}
	w.updated("f")
	if got := w.invoke("f"); got.Count != 1 {
		t.Errorf("after an update of its code: %+v", got)
	}
	all, err := w.lambda.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	if err != nil || len(all.Functions) != 1 || *all.Functions[0].Description != "d" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := w.lambda.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.lambda.GetFunction(t.Context(), name)
	var missing *types.ResourceNotFoundException
	if refused(t, err, 404, "ResourceNotFoundException"); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

// RevisionId guards: it changes with an update, with its end, and with a version
// that is published.
func TestRevisions(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	seen := map[string]bool{}
	note := func(what string, id *string) {
		t.Helper()
		if aws.ToString(id) == "" || seen[*id] {
			t.Errorf("%s: revision %q", what, aws.ToString(id))
		}
		seen[*id] = true
	}
	first := w.get("f").RevisionId
	note("deployed", first)
	if again := w.get("f").RevisionId; *again != *first {
		t.Error("reading is a revision")
	}
	set := func(revision *string) (*lambda.UpdateFunctionConfigurationOutput, error) {
		return w.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), RevisionId: revision, MemorySize: aws.Int32(256)})
	}
	out, err := set(first)
	if err != nil {
		t.Fatal(err)
	}
	note("updated", out.RevisionId)
	w.updated("f")
	last := w.get("f").RevisionId
	note("through", last)
	_, err = set(out.RevisionId)
	refused(t, err, 412, "PreconditionFailedException")
	if _, err := w.lambda.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f"), RevisionId: last}); err != nil {
		t.Fatal(err)
	}
	note("published", w.get("f").RevisionId)
}

func TestWhatUpdatesRefuse(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{Env: map[string]string{"KEPT": "v"}})
	before := w.get("f")
	env := func(k, v string) *lambda.UpdateFunctionConfigurationInput {
		return &lambda.UpdateFunctionConfigurationInput{Environment: &types.Environment{Variables: map[string]string{k: v}}}
	}
	for name, in := range map[string]*lambda.UpdateFunctionConfigurationInput{
		"memory":            {MemorySize: aws.Int32(127)},
		"more memory":       {MemorySize: aws.Int32(10241)},
		"timeout":           {Timeout: aws.Int32(901)},
		"reserved variable": env("AWS_REGION", "x"),
		"bad variable":      env("1X", "x"),
		"large variables":   env("KEY", strings.Repeat("x", 4094)),
		"level of text":     {LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatText, SystemLogLevel: types.SystemLogLevelWarn}},
		"storage":           {EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(1)}},
	} {
		in.FunctionName = aws.String("f")
		_, err := w.lambda.UpdateFunctionConfiguration(t.Context(), in)
		t.Run(name, func(t *testing.T) { refused(t, err, 400, "InvalidParameterValueException") })
	}
	if after := w.get("f"); *after.RevisionId != *before.RevisionId || !maps.Equal(after.Environment.Variables, before.Environment.Variables) {
		t.Errorf("%+v", after)
	}
	if _, err := w.lambda.UpdateFunctionConfiguration(t.Context(), func() *lambda.UpdateFunctionConfigurationInput {
		in := env("KEY", strings.Repeat("x", 4093))
		in.FunctionName = aws.String("f")
		return in
	}()); err != nil {
		t.Errorf("4096 bytes of variables: %v", err)
	}
}

// Versions have environments of their own, which updates of the function do not
// touch; one is made only where something has changed.
func TestVersionsAndAliases(t *testing.T) {
	e := newToys()
	w := newWorld(t, awssim.Options{Engine: e, NoQuotas: true})
	w.deploy("f", awssim.Function{Env: map[string]string{"KEY": "one"}})
	publish := func() string {
		t.Helper()
		out, err := w.lambda.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f"), Description: aws.String("note")})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := w.lambda.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: out.Version}); err != nil || *v.Configuration.Version != *out.Version || *v.Configuration.Description != "note" {
			t.Errorf("%+v, %v", v, err)
		}
		return *out.Version
	}
	if v := publish(); v != "1" {
		t.Errorf("version %s", v)
	}
	if v := publish(); v != "1" {
		t.Errorf("nothing has changed, and it is version %s", v)
	}
	if got := w.invoke("f", qualified("1")); got.version != "1" || got.Count != 1 || !strings.Contains(got.tail, "Version: 1\n") {
		t.Errorf("%+v", got)
	}
	w.update("f", map[string]string{"KEY": "two"})
	_, err := w.lambda.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")})
	refused(t, err, 409, "ResourceConflictException")
	w.updated("f")
	if got := w.invoke("f", qualified("1")); got.Count != 2 || got.Variables["KEY"] != "one" {
		t.Errorf("the version was changed: %+v", got)
	}
	if v := publish(); v != "2" {
		t.Errorf("version %s", v)
	}
	alias := func(version string) error {
		_, err := w.lambda.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String(version)})
		return err
	}
	refused(t, alias("9"), 404, "ResourceNotFoundException")
	if err := alias("2"); err != nil {
		t.Fatal(err)
	}
	refused(t, alias("2"), 409, "ResourceConflictException")
	if got := w.invoke("f", qualified("live")); got.version != "2" || got.Variables["KEY"] != "two" {
		t.Errorf("%+v", got)
	}
	if got, err := w.try("arn:aws:lambda:eu-west-1:000000000000:function:f:live"); err != nil || got.version != "2" || got.Count != 2 {
		t.Errorf("by its ARN: %+v, %v", got, err)
	}
	if _, err := w.lambda.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")}); err != nil {
		t.Fatal(err)
	}
	if got := w.invoke("f:live"); got.version != "1" || got.Count != 3 {
		t.Errorf("%+v", got)
	}
	remove := func(q string) error {
		_, err := w.lambda.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String(q)})
		return err
	}
	refused(t, remove("1"), 409, "ResourceConflictException") // the alias
	refused(t, remove("$LATEST"), 400, "InvalidParameterValueException")
	if err := remove("2"); err != nil {
		t.Fatal(err)
	}
	refused(t, remove("2"), 404, "ResourceNotFoundException")
	eventually(t, "its environment ends", func() bool { return e.Open() == 1 })
	list, err := w.lambda.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f")})
	if err != nil || len(list.Versions) != 2 || *list.Versions[0].Version != "$LATEST" || *list.Versions[1].Version != "1" || *list.Versions[1].Description != "note" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := w.lambda.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.lambda.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
	refused(t, err, 404, "ResourceNotFoundException")
	_, err = w.lambda.GetProvisionedConcurrencyConfig(t.Context(), &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("f"), Qualifier: aws.String("1")})
	refused(t, err, 404, "ProvisionedConcurrencyConfigNotFoundException")
}

func TestVersionsComeInPages(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys(), NoQuotas: true})
	w.deploy("f", awssim.Function{})
	for i := range 60 {
		w.update("f", map[string]string{"KEY": fmt.Sprint(i)})
		w.updated("f")
		if _, err := w.lambda.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")}); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages := map[string]bool{}, 0
	for p := lambda.NewListVersionsByFunctionPaginator(w.lambda, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f")}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.Versions {
			seen[*v.Version] = true
		}
	}
	if len(seen) != 61 || pages != 2 {
		t.Errorf("%d versions in %d pages", len(seen), pages)
	}
}

// Everything that is answered says what it is.
func TestItIsRecognized(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	who, err := w.sts.GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	if err != nil || *who.Account != awssim.Account || *who.Arn != "arn:aws:iam::000000000000:user/rehearsal" {
		t.Errorf("%+v, %v", who, err)
	}
	w.invoke("f")
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/2015-03-31/functions/f", ""}, {"GET", "/2015-03-31/functions/g", ""}, {"POST", "/2015-03-31/functions/f/invocations", "{}"},
		{"POST", "/", "Action=GetCallerIdentity"}, {"POST", "/", "Action=AssumeRole"}, {"GET", "/nothing", ""}, {"PATCH", "/2015-03-31/functions/f", ""}, {"GET", "/", ""},
		{"GET", "/2015-03-31/configuration", ""}, {"DELETE", "/2015-03-31/functions//aliases/a", ""},
	} {
		out, text := w.raw(c.method, c.path, c.body)
		if out.Header.Get(awssim.Header) != awssim.Mark || out.Header.Get("X-Amzn-Requestid") == "" || out.ContentLength < 0 {
			t.Errorf("%s %s: %v %s", c.method, c.path, out.Header, text)
		}
	}
}

// The control plane's calls have a rate, and Invoke has none.
func TestQuotas(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	throttles := 0
	for range 40 {
		_, err := w.lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
		var throttled *types.TooManyRequestsException
		if errors.As(err, &throttled) {
			throttles++
			if throttled.Reason != types.ThrottleReasonCallerRateLimitExceeded {
				t.Errorf("reason %s", throttled.Reason)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if throttles == 0 {
		t.Error("40 calls in a row and none too many")
	}
	for range 40 {
		w.invoke("f")
	}
}

func TestDeployRefuses(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	packed := img
	packed.Root = ""
	for name, err := range map[string]error{
		"twice":      w.server.Deploy("f", img, awssim.Function{}),
		"packed":     w.server.Deploy("g", packed, awssim.Function{}),
		"name":       w.server.Deploy("a b", img, awssim.Function{}),
		"memory":     w.server.Deploy("g", img, awssim.Function{MemoryMB: 64}),
		"timeout":    w.server.Deploy("g", img, awssim.Function{Timeout: 1500 * time.Millisecond}),
		"package":    w.server.Deploy("g", img, awssim.Function{PackageType: "Tar"}),
		"log format": w.server.Deploy("g", img, awssim.Function{LogFormat: "XML"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := awssim.New(awssim.Options{}); err == nil {
		t.Error("no engine, and no error")
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, a := range []string{"0.0.0.0:0", ":0", "[::]:0", "10.0.0.1:0", "example.com:0", "127.0.0.1", ""} {
		if l, err := awssim.Listen(a); err == nil {
			t.Errorf("it listens on %s", a)
			_ = l.Close()
		}
	}
	s, err := awssim.New(awssim.Options{Engine: newToys()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := awssim.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	w := &world{t: t, url: "http://" + l.Addr().String()}
	if out, _ := w.raw("GET", "/2015-03-31/functions", ""); out.StatusCode != 200 {
		t.Errorf("%+v", out)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
