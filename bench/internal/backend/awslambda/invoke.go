package awslambda

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

type answer struct {
	requestID, version, functionError string
	payload                           []byte
	// tail is the end of the log, at most 4 KB; empty if none was sent.
	tail string
	at   time.Time
	took time.Duration
}

// fresh is how long a connection counts as warm after the endpoint was heard of.
const fresh = 5 * time.Second

// warmUp shakes hands before an invocation is timed. Errors show in the invocation.
func (c *Client) warmUp(ctx context.Context, ref Ref, n int) {
	if n == 1 && c.counter.quiet(time.Now()) < fresh {
		return
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			_, _ = c.invoker.Invoke(ctx, &lambda.InvokeInput{
				FunctionName: aws.String(ref.Name), Qualifier: optional(ref.Qualifier), InvocationType: types.InvocationTypeDryRun,
			})
		})
	}
	wg.Wait()
}

// optional is a member of a request that is left out if it is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// beyond is how much longer than the function's timeout an answer may take: an
// init of 10 s, the making of the environment, and the network.
const beyond = 2 * time.Minute

func (c *Client) invoke(ctx context.Context, ref Ref, payload []byte, timeout time.Duration) (answer, error) {
	limited, cancel := context.WithTimeout(ctx, timeout+c.beyond)
	defer cancel()
	in := &lambda.InvokeInput{
		FunctionName: aws.String(ref.Name), Qualifier: optional(ref.Qualifier), Payload: payload,
		InvocationType: types.InvocationTypeRequestResponse, LogType: types.LogTypeTail,
	}
	at := time.Now()
	out, err := c.invoker.Invoke(limited, in)
	took := time.Since(at)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = &unanswered{"Invoke", timeout + c.beyond}
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{
		version: aws.ToString(out.ExecutedVersion), functionError: aws.ToString(out.FunctionError),
		payload: out.Payload, at: at, took: took,
	}
	a.requestID, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	if text, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)); err == nil {
		a.tail = string(text)
	}
	return a, nil
}

// refusal turns an invocation's error into the runner's, with the time to wait.
func refusal(ctx context.Context, want coldstart.Start, ref Ref, err error) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	detail := scrubbed(err).Error()
	switch kindOf(err) {
	case kindThrottled:
		var throttled *types.TooManyRequestsException
		wait := time.Duration(0)
		if errors.As(err, &throttled) {
			if throttled.Reason != "" {
				detail = fmt.Sprintf("%s (%s)", detail, throttled.Reason)
			}
			if s, e := strconv.ParseFloat(aws.ToString(throttled.RetryAfterSeconds), 64); e == nil && s > 0 && s < 300 {
				wait = time.Duration(s * float64(time.Second))
			}
		}
		return wait, &coldstart.ProofError{Want: want, Reason: coldstart.Throttled, Detail: detail}
	case kindServer, kindConnection, kindConflict:
		return 0, &coldstart.ProofError{Want: want, Reason: coldstart.Unavailable, Detail: detail}
	case kindCredentials, kindPermission:
		return 0, fmt.Errorf("%w: %w", coldstart.ErrAbort, explain("invoking function "+ref.String(), "lambda", "InvokeFunction", err))
	case kindNotFound:
		return 0, &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: advice.Hint(fmt.Errorf("function %s does not exist any more", ref), "make deploy")}
	}
	return 0, &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: explain("invoking function "+ref.String(), "lambda", "InvokeFunction", err)}
}

// backoff is the wait after n refusals in a row, with jitter: half to all of 0.2 s to 20 s.
func backoff(n int) time.Duration {
	d := min(200*time.Millisecond<<min(n, 10), 20*time.Second)
	return d/2 + rand.N(d/2)
}
