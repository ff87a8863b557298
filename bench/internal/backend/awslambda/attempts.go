package awslambda

import (
	"context"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Count says how often an operation was sent and what came of it.
type Count struct {
	// Attempts are the requests that were sent, retries included.
	Attempts int
	// Throttled were refused for their rate, Failed had another error or no answer.
	Throttled, Failed int
}

// The control plane's calls are kept within their quotas: 15 a second over all
// operations but GetFunction, which has 100 of its own, and Invoke, which has
// none here. Half of GetFunction's is left to others.
const (
	controlPlaneInterval = time.Second / 10
	controlPlaneBurst    = 5
	readInterval         = time.Second / 50
	readBurst            = 10
)

// counter counts a client's requests, spaces those of the control plane and knows when
// the endpoint was last heard of.
type counter struct {
	log     func(string)
	patient context.Context
	// deadline is how long one request of the control plane may take.
	deadline time.Duration

	mu     sync.Mutex
	counts map[string]Count
	// control and read are when the next call is due at an even pace; read of GetFunction.
	control, read time.Time
	heard         time.Time
}

func newCounter(patient context.Context, log func(string)) *counter {
	return &counter{patient: patient, log: log, deadline: time.Minute, counts: map[string]Count{}}
}

func (c *counter) register(stack *middleware.Stack) error {
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("CountAttempts", c.handle), "Retry", middleware.After)
}

func (c *counter) handle(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	operation := awsmiddleware.GetOperationName(ctx)
	if awsmiddleware.GetServiceID(ctx) == "Lambda" && operation != "Invoke" {
		if err := (coldstart.Wall{}).Sleep(ctx, c.slot(operation, time.Now())); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
	}
	limited, cancel := ctx, func() {}
	if operation != "Invoke" {
		limited, cancel = c.limit(ctx, operation)
	}
	out, metadata, err := next.HandleFinalize(limited, in)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = &unanswered{operation, c.deadline}
	}
	cancel()
	kind := kindOf(err)
	c.mu.Lock()
	n := c.counts[operation]
	n.Attempts++
	switch kind {
	case kindThrottled:
		n.Throttled++
	case kindServer, kindConnection:
		n.Failed++
	}
	c.counts[operation] = n
	if kind != kindConnection {
		c.heard = time.Now()
	}
	c.mu.Unlock()
	if c.log != nil {
		text := operation
		if err != nil {
			text = fmt.Sprintf("%s: %v", operation, scrubbed(err))
		}
		c.log(text)
	}
	return out, metadata, err
}

// limit returns the context of one request. A change that was sent is made whether
// anybody waits or not: after an interrupt, too, its answer is waited for, so that
// what restores the function finds it made.
func (c *counter) limit(ctx context.Context, operation string) (context.Context, context.CancelFunc) {
	changes := operation == "UpdateFunctionConfiguration" || operation == "UpdateFunctionCode" || operation == "PublishVersion"
	if !changes || c.patient.Err() != nil {
		return context.WithTimeout(ctx, c.deadline)
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.deadline)
	stop := context.AfterFunc(c.patient, cancel)
	return limited, func() { stop(); cancel() }
}

// unanswered is a request that took too long. The SDK retries it, unlike a context's end.
type unanswered struct {
	operation string
	after     time.Duration
}

func (u *unanswered) Error() string {
	return fmt.Sprintf("%s: no answer after %s", u.operation, u.after)
}

// RetryableError is what the SDK asks.
func (u *unanswered) RetryableError() bool { return true }

func (c *counter) slot(operation string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, interval, burst := &c.control, controlPlaneInterval, controlPlaneBurst
	if operation == "GetFunction" {
		next, interval, burst = &c.read, readInterval, readBurst
	}
	if next.Before(now) {
		*next = now
	}
	wait := next.Add(-time.Duration(burst-1) * interval).Sub(now)
	*next = next.Add(interval)
	return max(wait, 0)
}

func (c *counter) quiet(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Sub(c.heard)
}

// Counts returns what was sent so far, by operation.
func (c *Client) Counts() map[string]Count {
	c.counter.mu.Lock()
	defer c.counter.mu.Unlock()
	return maps.Clone(c.counter.counts)
}

// hideWriterTo keeps the transport from writing a request's body in one go: smithy closes
// the body as soon as there is an answer, and one that comes early would close the connection.
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
