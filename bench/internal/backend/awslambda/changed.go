package awslambda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

type changed struct {
	mu sync.Mutex
	// code is true if a function's code may be changed, too.
	code map[string]bool
}

func (c *changed) add(name string, code bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == nil {
		c.code = map[string]bool{}
	}
	c.code[name] = code
}

func (c *changed) remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.code, name)
}

// Changed returns the names of the functions that are changed now, sorted, and whether the
// code of any may be; none of a rehearsal, which ends with bench.
func (c *Client) Changed() (names []string, code bool) {
	if c.endpoint == "rehearsal" {
		return nil, false
	}
	c.changed.mu.Lock()
	defer c.changed.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.changed.code)) {
		names = append(names, name)
		code = code || c.changed.code[name]
	}
	return names, code
}

// RestoreCommand returns what to type to restore what a bench left changed.
func (c *Client) RestoreCommand() string {
	command := "bench aws --restore --region " + c.region
	if c.o.Profile != "" {
		command += " --profile " + c.o.Profile
	}
	return command
}

func (c *Client) unrestored(left []journaledState, err error) error {
	return thenHint(fmt.Errorf("left changed: %s: %w", namesOf(left), err), c.RestoreCommand())
}

func namesOf(functions []journaledState) string {
	var names []string
	for _, f := range functions {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func joinOnce(err, more error) error {
	if errors.Is(err, more) {
		return err
	}
	return errors.Join(err, more)
}

// once returns a client that sends no request twice.
func (c *Client) once() *Client {
	d := *c
	d.control = lambda.New(c.control.Options(), func(o *lambda.Options) {
		o.Retryer, o.RetryMaxAttempts = aws.NopRetryer{}, 1
	})
	return &d
}

// hurriedly restores with retries, and once more without if the user does not want to wait.
func (c *Client) hurriedly(restore func(ctx context.Context, c *Client) error) error {
	ctx, cancel := context.WithTimeout(c.o.Patient, c.o.Patience+time.Minute)
	defer cancel()
	err := restore(ctx, c)
	if err == nil || c.o.Patient.Err() == nil {
		return err
	}
	if err = restore(c.o.Restoring, c.once()); err != nil && c.o.Restoring.Err() != nil {
		return context.Cause(c.o.Restoring)
	}
	return err
}
