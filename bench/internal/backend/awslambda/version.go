package awslambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/coldstart"
)

// versionNote is the description by which Restore knows bench's versions.
const versionNote = "published by bench for one cold start"

// publish makes a version after an update: without one it would be the last version again.
func (t *target) publish(ctx context.Context, use forced) (forced, error) {
	c, f := t.session.c, t.function
	use.token = newToken()
	if err := f.update(ctx, t.config.MemoryMB, use.token); err != nil {
		return forced{}, err
	}
	out, err := c.control.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String(f.name), Description: aws.String(versionNote)})
	if k := kindOf(err); k == kindConnection || k == kindCanceled {
		f.mu.Lock()
		f.publishing = true
		f.mu.Unlock()
	}
	if err != nil {
		return forced{}, explain("publishing a version of "+f.name, "lambda", "PublishVersion", err)
	}
	ref := Ref{Name: f.name, Qualifier: aws.ToString(out.Version)}
	if ref.Qualifier == "" || ref.Qualifier == "$LATEST" {
		return forced{}, fmt.Errorf("publishing a version of %s: the endpoint names no version", f.name)
	}
	use.ref, use.version = ref, ref.Qualifier
	use.release = func() error {
		// One that is not deleted now is deleted when the function is restored.
		ctx, cancel := context.WithTimeout(c.o.Patient, time.Minute)
		defer cancel()
		return c.deleteVersion(ctx, ref)
	}
	shown, err := c.settled(ctx, ref)
	if err != nil {
		return forced{}, errors.Join(err, use.release())
	}
	if err := isVersion(shown.Configuration, ref); err != nil {
		// One is left that can't be named there; there shall be no more.
		return forced{}, fmt.Errorf("%w: %w", coldstart.ErrAbort, err)
	}
	// Publishing is a new revision of the function.
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.reread(ctx, f.now); err != nil {
		return forced{}, errors.Join(err, use.release())
	}
	return use, nil
}

var errNoVersions = errors.New("the endpoint lacks versions")

// isVersion returns an error if an endpoint does not know versions and shows the function.
func isVersion(cfg *types.FunctionConfiguration, ref Ref) error {
	if cfg != nil && aws.ToString(cfg.Version) == ref.Qualifier {
		return nil
	}
	return fmt.Errorf("%w: asked for %s, it shows the function itself", errNoVersions, ref)
}

// deleteVersion looks first: an endpoint without versions would delete the function.
func (c *Client) deleteVersion(ctx context.Context, ref Ref) error {
	doing := "deleting version " + ref.String()
	shown, err := c.control.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(ref.Name), Qualifier: optional(ref.Qualifier)})
	if err != nil {
		if kindOf(err) == kindNotFound {
			return nil
		}
		return thenHint(explain(doing, "lambda", "GetFunction", err), "bench aws --restore")
	}
	if err := isVersion(shown.Configuration, ref); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err = c.control.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String(ref.Name), Qualifier: optional(ref.Qualifier)})
	if err == nil || kindOf(err) == kindNotFound {
		return nil
	}
	return thenHint(explain(doing, "lambda", "DeleteFunction", err), "bench aws --restore")
}

func (c *Client) deleteVersions(ctx context.Context, name, note string) error {
	var marker *string
	for range maxPages {
		out, err := c.control.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(name), Marker: marker})
		if kindOf(err) == kindNotFound {
			return nil
		}
		if err != nil {
			return explain("listing the versions of "+name, "lambda", "ListVersionsByFunction", err)
		}
		for _, v := range out.Versions {
			version := aws.ToString(v.Version)
			if aws.ToString(v.Description) != note || version == "$LATEST" || version == "" {
				continue
			}
			// Where versions can't be named, they can't be deleted.
			if err := c.deleteVersion(ctx, Ref{name, version}); err != nil && !errors.Is(err, errNoVersions) {
				return err
			}
		}
		if aws.ToString(out.NextMarker) == "" {
			return nil
		}
		marker = out.NextMarker
	}
	return nil
}
