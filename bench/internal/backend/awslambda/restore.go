package awslambda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/advice"
)

// restore puts a function's image back, takes bench's variables off it as it
// stands now, and puts its memory size back where bench had set it. A function
// that is as it should be, and one that does not exist any more, is left alone.
//
// unsure is true if an update was sent and not answered: then one is sent even if
// nothing is to be restored. It makes a new revision, and Lambda refuses an update
// of an older one that comes late. An update of the code that comes before is found.
func (c *Client) restore(ctx context.Context, s journaledState, unsure bool) error {
	err := c.restoreConfiguration(ctx, s, unsure)
	return errors.Join(err, c.restoreCode(ctx, s)) // after the new revision
}

// restoreConfiguration is restore but for the image.
func (c *Client) restoreConfiguration(ctx context.Context, s journaledState, unsure bool) error {
	return c.undo(ctx, s.Name, "restoring function "+s.Name, "UpdateFunctionConfiguration", func(found *lambda.GetFunctionOutput, sent bool) (func() error, error) {
		cfg := found.Configuration
		in, err := undoing(cfg, s)
		if in == nil && unsure && !sent {
			in = &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(s.Name), RevisionId: cfg.RevisionId, MemorySize: cfg.MemorySize}
		}
		if err != nil || in == nil {
			return nil, err
		}
		return func() error {
			_, err := c.control.UpdateFunctionConfiguration(ctx, in)
			return err
		}, nil
	})
}

// undo makes the update that next returns for the function found, and checks that no
// further one is needed.
func (c *Client) undo(ctx context.Context, name, doing, operation string, next func(found *lambda.GetFunctionOutput, sent bool) (func() error, error)) error {
	sent := false
	for try := 0; ; {
		found, err := c.settledAnyhow(ctx, Ref{Name: name})
		if err != nil || found == nil {
			return err
		}
		send, err := next(found, sent)
		switch {
		case err != nil || send == nil:
			return err
		case sent:
			return errors.New(doing + ": the update was answered, and not made")
		}
		err = send()
		switch k := kindOf(err); {
		case err == nil:
			sent = true
		case (k == kindRevision || k == kindConflict) && try < 8:
			try++
		default:
			return explain(doing, "lambda", operation, err)
		}
	}
}

// settledAnyhow is settled for a function whose last update may have failed; nil if it is gone.
func (c *Client) settledAnyhow(ctx context.Context, ref Ref) (*lambda.GetFunctionOutput, error) {
	settled, err := c.settled(ctx, ref)
	if err == nil || ctx.Err() != nil {
		return settled, err
	}
	out, err := c.control.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(ref.Name)})
	switch {
	case kindOf(err) == kindNotFound:
		return nil, nil
	case err != nil:
		return nil, explain("reading function "+ref.Name, "lambda", "GetFunction", err)
	case out.Configuration == nil:
		return nil, fmt.Errorf("reading function %s: the endpoint returns no configuration", ref)
	case out.Configuration.LastUpdateStatus == types.LastUpdateStatusInProgress:
		return nil, fmt.Errorf("restoring function %s: an update is still going on", ref)
	}
	return out, nil
}

// undoing returns the update that restores a function's configuration; nil for none.
func undoing(cfg *types.FunctionConfiguration, s journaledState) (*lambda.UpdateFunctionConfigurationInput, error) {
	in := &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(s.Name), RevisionId: cfg.RevisionId}
	needed := false
	if e := cfg.Environment; e != nil {
		if e.Error != nil {
			return nil, advice.Hint(fmt.Errorf("restoring function %s: its variables can't be read (%s), an update would wipe them", s.Name, scrub(aws.ToString(e.Error.ErrorCode))),
				"allow kms:Decrypt for the function's key, then bench aws --restore")
		}
		vars := maps.Clone(e.Variables)
		for _, k := range s.Keys {
			if _, there := vars[k]; there {
				delete(vars, k)
				needed = true
			}
		}
		if needed {
			in.Environment = &types.Environment{Variables: vars}
		}
	}
	if now := int(aws.ToInt32(cfg.MemorySize)); now != s.MemoryMB && slices.Contains(s.Sizes, now) {
		in.MemorySize = aws.Int32(int32(s.MemoryMB))
		needed = true
	}
	if !needed {
		return nil, nil
	}
	return in, nil
}

// Restored is what Restore did.
type Restored struct {
	// Functions are as they were again.
	Functions []string
	// Elsewhere names the places whose journals were left alone: "REGION", or
	// "REGION at ENDPOINT".
	Elsewhere []string
}

// Restore restores the functions that killed benches left changed, in this client's
// region and endpoint. The journal of those that can't be restored is kept. Options'
// Patient and Restoring limit how long that may take.
func (c *Client) Restore() (Restored, error) {
	var r Restored
	var unrestored []journaledState
	list, failed := staleJournals(c.o.JournalDir)
	for _, j := range list {
		switch {
		case j.Endpoint == "rehearsal":
			// The endpoint died with the bench that wrote this.
			failed = errors.Join(failed, j.done())
			continue
		case j.Region != c.region || j.Endpoint != c.endpoint:
			r.Elsewhere = append(r.Elsewhere, j.where())
			j.close()
			continue
		}
		for _, f := range j.Functions {
			c.changed.add(f.Name, f.Image != "")
		}
		var left []journaledState
		for _, f := range j.Functions {
			if err := c.hurriedly(func(ctx context.Context, c *Client) error { return c.putBack(ctx, f) }); err != nil {
				failed = joinOnce(failed, err)
				left = append(left, f)
				continue
			}
			c.changed.remove(f.Name)
			r.Functions = append(r.Functions, f.Name)
		}
		if len(left) == 0 {
			failed = errors.Join(failed, j.done())
			continue
		}
		unrestored = append(unrestored, left...)
		j.Functions = left
		failed = errors.Join(failed, j.save())
		j.close()
	}
	if len(unrestored) > 0 {
		failed = c.unrestored(unrestored, failed)
	}
	return r, failed
}

func (c *Client) putBack(ctx context.Context, s journaledState) error {
	if s.Versions != "" {
		if err := c.deleteVersions(ctx, s.Name, s.Versions); err != nil {
			return err
		}
	}
	return c.restore(ctx, s, false)
}
