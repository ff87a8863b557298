package awslambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// versionNote is the description of the versions that bench publishes: what
// Restore knows them by.
const versionNote = "published by bench for one cold start"

// publish makes a version whose environments are its own, after an update: one
// that nothing has changed since the last would be that last one again.
func (t *target) publish(ctx context.Context, e expected) (forced, error) {
	c, f := t.campaign.c, t.function
	e.token = newToken()
	if err := f.update(ctx, t.config.MemoryMB, e.token); err != nil {
		return forced{}, err
	}
	out, err := c.control.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String(f.name), Description: aws.String(versionNote)})
	if err != nil {
		return forced{}, explain("publishing a version of "+f.name, "lambda", "PublishVersion", err)
	}
	ref := Ref{Name: f.name, Qualifier: aws.ToString(out.Version)}
	if ref.Qualifier == "" || ref.Qualifier == "$LATEST" {
		return forced{}, fmt.Errorf("publishing a version of %s: the endpoint names no version", f.name)
	}
	release := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return c.deleteVersion(ctx, ref)
	}
	e.version = ref.Qualifier
	if _, err := c.settled(ctx, ref); err != nil {
		return forced{}, errors.Join(err, release())
	}
	// Publishing is a new revision of the function.
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.reread(ctx, f.now); err != nil {
		return forced{}, errors.Join(err, release())
	}
	return forced{ready: true, ref: ref, expected: e, release: release}, nil
}

// deleteVersion takes a version away; one that is gone is no error.
func (c *Client) deleteVersion(ctx context.Context, ref Ref) error {
	_, err := c.control.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String(ref.Name), Qualifier: aws.String(ref.Qualifier)})
	if err == nil || kindOf(err) == kindNotFound {
		return nil
	}
	return thenHint(explain("deleting version "+ref.String(), "lambda", "DeleteFunction", err), "bench aws --restore")
}

// deleteVersions takes away all versions with a description.
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
			if err := c.deleteVersion(ctx, Ref{name, version}); err != nil {
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
