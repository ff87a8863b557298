package coldstart

import (
	"context"
	"time"
)

// Clock is the time that pauses are measured on. Tests have one of their own.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error if that ends earlier.
	Sleep(ctx context.Context, d time.Duration) error
}

// Wall is this machine's clock.
type Wall struct{}

var _ Clock = Wall{}

// Now implements Clock.
func (Wall) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (Wall) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
