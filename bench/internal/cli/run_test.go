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

// TestOnlyWhatThereIsGivesNoSample: a count of 0 is no news.
func TestOnlyWhatThereIsGivesNoSample(t *testing.T) {
	for _, c := range []struct {
		failures, unproved int
		want               string
	}{
		{1, 0, "1 failed attempt"},
		{0, 2, "2 unproved invocations"},
		{2, 1, "2 failed attempts and 1 unproved invocation"},
	} {
		if got := withoutSample(c.failures, c.unproved); got != c.want {
			t.Errorf("%d, %d: %q", c.failures, c.unproved, got)
		}
	}
}

// TestADumbTerminalGetsNoBars: it can't move its cursor back to the bar.
func TestADumbTerminalGetsNoBars(t *testing.T) {
	for term, want := range map[string]bool{"xterm": true, "": true, "dumb": false} {
		a := &app{Env: Env{StderrIsTerminal: true, Environ: []string{"TERM=" + term}}}
		if got := a.progress(false).Bars; got != want {
			t.Errorf("%q: bars %v", term, got)
		}
	}
}
