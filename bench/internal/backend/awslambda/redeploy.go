package awslambda

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

var _ coldstart.Redeployer = (*target)(nil)

// Deploy replaces the function's image. Variables and memory size are set before it, so that
// only the code changes before the first cold start of the image.
func (t *target) Deploy(ctx context.Context, digest string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, err := t.deploy(ctx, digest)
	if err == nil {
		t.forced = t.ready(coldstart.StrategyCodeUpdate)
		t.forced.token = token
	}
	return err
}

// DeployAgain replaces the function's image by one that was started before.
func (t *target) DeployAgain(ctx context.Context, digest string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := t.deploy(ctx, digest)
	return err
}

func (t *target) deploy(ctx context.Context, digest string) (token string, err error) {
	if err = t.forced.drop(); err == nil {
		token, err = t.function.deploy(ctx, t.config.MemoryMB, digest)
	}
	if err != nil {
		err = failed(ctx, err)
	}
	return token, err
}

func redeployable(f *Facts) error {
	switch {
	case f.Ref.Qualifier != "":
		return advice.Hint(fmt.Errorf("%s is a version or alias: its code can't be replaced", f.Ref), "--strategy burst, idle or version")
	case f.Zip:
		return advice.Hint(fmt.Errorf("function %s is a zip: --redeploy deploys images", f.Ref), "name functions of images, or --strategy config-update")
	case f.ImageURI == "":
		return fmt.Errorf("function %s: the endpoint does not say which image it has, so that it could not be put back", f.Ref)
	}
	return nil
}

// imageURI names a function's image by its digest, as a tag may have moved; empty if unknown.
func imageURI(out *lambda.GetFunctionOutput) string {
	if out.Code == nil {
		return ""
	}
	for _, uri := range []*string{out.Code.ImageUri, out.Code.ResolvedImageUri} {
		if strings.Contains(aws.ToString(uri), "@sha256:") {
			return *uri
		}
	}
	return ""
}

// deploy replaces the function's image by another one of its repository.
func (f *function) deploy(ctx context.Context, memoryMB int, digest string) (token string, err error) {
	f.mu.Lock()
	ready := f.now.token != "" && f.now.memoryMB == memoryMB
	f.mu.Unlock()
	if !ready {
		if err := f.update(ctx, memoryMB, newToken()); err != nil {
			return "", err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	repository, _, _ := strings.Cut(f.own, "@")
	switch {
	case f.foreign != nil:
		return "", f.foreign
	case !slices.Contains(f.images, digest):
		// The journal does not have it: it would not be known for bench's own.
		return "", fmt.Errorf("deploying %s to function %s: it is not among the images of this run", digest, f.name)
	}
	want := f.now
	want.image = digest
	err = f.change(ctx, want, "UpdateFunctionCode", func(revision *string) (*string, error) {
		out, err := f.c.control.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName: aws.String(f.name), ImageUri: aws.String(repository + "@" + digest), RevisionId: revision,
		})
		if err != nil {
			return nil, err
		}
		return out.RevisionId, nil
	})
	return want.token, hintOfImage(err)
}

// hintOfImage adds what to do where Lambda could not have an image. It reads it
// by the repository's policy, whoever deploys it.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#configuration-images-permissions
func hintOfImage(err error) error {
	if err == nil {
		return nil
	}
	switch text := err.Error(); {
	case strings.Contains(text, "ECR image"):
		return advice.Hint(err, "the repository's policy has to let lambda.amazonaws.com read images: make deploy sets it")
	case strings.Contains(text, "Source image"):
		return advice.Hint(err, "is it still in the repository? bench images push --fresh N pushes new ones")
	}
	return err
}

// restoreCode restores a function's own image if it has one of bench's.
func (c *Client) restoreCode(ctx context.Context, s journaledState) error {
	if s.Image == "" {
		return nil
	}
	_, own, _ := strings.Cut(s.Image, "@")
	return c.undo(ctx, s.Name, "restoring the image of function "+s.Name, "UpdateFunctionCode", func(found *lambda.GetFunctionOutput, sent bool) (func() error, error) {
		if cfg := found.Configuration; sent && cfg.LastUpdateStatus == types.LastUpdateStatusFailed {
			return nil, updateFailed(s.Name, cfg)
		}
		if have := codeID(found); have == own || !slices.Contains(s.Images, have) {
			return nil, nil
		}
		return func() error {
			_, err := c.control.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
				FunctionName: aws.String(s.Name), ImageUri: aws.String(s.Image), RevisionId: found.Configuration.RevisionId,
			})
			return err
		}, nil
	})
}
