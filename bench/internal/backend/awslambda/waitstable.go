package awslambda

import (
	"cmp"
	"context"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// settled polls a function until no update is going on.
func (c *Client) settled(ctx context.Context, ref Ref) (*lambda.GetFunctionOutput, error) {
	began := c.clock.Now()
	for {
		out, err := c.getFunction(ctx, ref)
		if err != nil {
			return nil, err
		}
		cfg := out.Configuration
		switch {
		case cfg.LastUpdateStatus == types.LastUpdateStatusFailed:
			return nil, updateFailed(ref.String(), cfg)
		case cfg.State == types.StateFailed:
			return nil, fmt.Errorf("function %s has failed: %s", ref, scrub(cmp.Or(aws.ToString(cfg.StateReason), string(cfg.StateReasonCode))))
		case cfg.LastUpdateStatus != types.LastUpdateStatusInProgress && cfg.State != types.StatePending:
			// Another endpoint may not know the status: then an answered update is through.
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

func updateFailed(name string, cfg *types.FunctionConfiguration) error {
	return fmt.Errorf("updating function %s: it failed: %s", name, scrub(cmp.Or(aws.ToString(cfg.LastUpdateStatusReason), string(cfg.LastUpdateStatusReasonCode))))
}

// pollDelay is a tenth of the time an update has gone on, from 0.1 s to 1 s, and jitter.
func pollDelay(gone time.Duration) time.Duration {
	d := min(max(gone/10, 100*time.Millisecond), time.Second)
	return d + mrand.N(d/8)
}
