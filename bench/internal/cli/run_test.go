package cli

import (
	"context"
	"errors"
	"testing"
)

// Functions that are left changed do not hide another error of the run: their own
// is printed before.
func TestUnrestoredHidesNoError(t *testing.T) {
	t.Parallel()
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	full := errors.New("measuring: no space left on device")
	for _, c := range []struct {
		ctx          context.Context
		failed, want error
	}{
		{t.Context(), nil, errUnrestored},
		{t.Context(), errIncomplete, errUnrestored},
		{t.Context(), full, full},
		{interrupted, nil, errInterrupted},
		{interrupted, errIncomplete, errInterrupted},
		{interrupted, errInterrupted, errInterrupted},
		{interrupted, full, full},
	} {
		if got := whileUnrestored(c.ctx, c.failed); got != c.want {
			t.Errorf("interrupted %v, %v: %v, want %v", c.ctx.Err() != nil, c.failed, got, c.want)
		}
	}
}
