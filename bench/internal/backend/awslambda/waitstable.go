package awslambda

import (
	"context"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// settled polls the function until no update is going on.
func (f *function) settled(ctx context.Context) (*lambda.GetFunctionOutput, error) {
	return f.c.settledWhole(ctx, Ref{Name: f.name})
}

func (c *Client) settled(ctx context.Context, ref Ref) (*types.FunctionConfiguration, error) {
	out, err := c.settledWhole(ctx, ref)
	if err != nil {
		return nil, err
	}
	return out.Configuration, nil
}

// settledWhole is settled with what GetFunction says beside the configuration.
func (c *Client) settledWhole(ctx context.Context, ref Ref) (*lambda.GetFunctionOutput, error) {
	began := c.clock.Now()
	for {
		out, err := c.getFunction(ctx, ref)
		if err != nil {
			return nil, err
		}
		cfg := out.Configuration
		switch {
		case cfg.LastUpdateStatus == types.LastUpdateStatusFailed:
			return nil, fmt.Errorf("updating function %s: it failed: %s", ref, scrub(orElse(aws.ToString(cfg.LastUpdateStatusReason), string(cfg.LastUpdateStatusReasonCode))))
		case cfg.State == types.StateFailed:
			return nil, fmt.Errorf("function %s has failed: %s", ref, scrub(orElse(aws.ToString(cfg.StateReason), string(cfg.StateReasonCode))))
		case cfg.LastUpdateStatus != types.LastUpdateStatusInProgress && cfg.State != types.StatePending:
			// Another endpoint may not know the status; then the update is
			// through when it is answered.
			return out, nil
		}
		gone := c.clock.Now().Sub(began)
		if gone > c.o.Patience {
			return nil, fmt.Errorf("updating function %s: still in progress after %s", ref, c.o.Patience)
		}
		if err := c.clock.Sleep(ctx, pollDelay(gone)); err != nil {
			return nil, err
		}
	}
}

// pollDelay returns how long to wait before an update is asked for again that
// has gone on for so long: a tenth of that, so that no more than a tenth is lost,
// from 0.1 s to 1 s, and up to an eighth more by chance.
func pollDelay(gone time.Duration) time.Duration {
	d := min(max(gone/10, 100*time.Millisecond), time.Second)
	return d + mrand.N(d/8)
}
