package awssim_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/coldstart"
)

// A function's code is replaced under the revision that was seen, while it goes
// on serving the old one; and the image it had can be put back by its digest.
func TestRedeploy(t *testing.T) {
	engine := newToys()
	newest := "sha256:" + strings.Repeat("ef", 32)
	w := newWorld(t, awssim.Options{Engine: engine, Images: func(_ context.Context, uri string) (coldstart.Image, error) {
		other := img
		if _, digest, _ := strings.Cut(uri, "@"); digest != newest {
			return other, errors.New("no such image")
		}
		other.ID, other.Digest, other.Root = newest, newest, "/other"
		return other, nil
	}})
	w.deploy("f", awssim.Function{})
	code := func() *lambda.GetFunctionOutput {
		t.Helper()
		out, err := w.lambda.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	update := func(uri string, revision *string) (*lambda.UpdateFunctionCodeOutput, error) {
		return w.lambda.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ImageUri: aws.String(uri), RevisionId: revision})
	}
	before := code()
	own := aws.ToString(before.Code.ResolvedImageUri)
	repository, digest, _ := strings.Cut(own, "@")
	if digest != img.Digest {
		t.Fatalf("the function has %s", own)
	}
	if got := w.invoke("f"); got.Count != 1 {
		t.Fatalf("%+v", got)
	}
	_, err := update(repository+"@"+newest, aws.String("another"))
	refused(t, err, 412, "PreconditionFailedException")
	_, err = update(repository+"@sha256:"+strings.Repeat("00", 32), nil)
	refused(t, err, 400, "InvalidParameterValueException")
	out, err := update(repository+"@"+newest, before.Configuration.RevisionId)
	if err != nil || out.LastUpdateStatus != types.LastUpdateStatusInProgress || aws.ToString(out.RevisionId) == aws.ToString(before.Configuration.RevisionId) {
		t.Fatalf("%+v, %v", out, err)
	}
	if got := w.invoke("f"); got.Count != 2 { // of the old code
		t.Errorf("during the update: %+v", got)
	}
	_, err = update(own, nil)
	refused(t, err, 409, "ResourceConflictException")
	w.updated("f")
	if got := w.invoke("f"); got.Count != 1 {
		t.Errorf("after the update: %+v", got)
	}
	if now := aws.ToString(code().Code.ResolvedImageUri); now != repository+"@"+newest {
		t.Errorf("the function has %s", now)
	}
	if _, err := update(own, code().Configuration.RevisionId); err != nil {
		t.Fatal(err)
	}
	w.updated("f")
	if now := aws.ToString(code().Code.ResolvedImageUri); now != own {
		t.Errorf("put back: the function has %s", now)
	}
	// The other one is there for good, too.
	if _, err := update(repository+"@"+newest, code().Configuration.RevisionId); err != nil {
		t.Error(err)
	}
	w.updated("f")
}
