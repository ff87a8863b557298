package interrupt

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// changedFunctions are made up.
type changedFunctions struct {
	names []string
	code  bool
}

func (c changedFunctions) Changed() ([]string, bool) { return c.names, c.code }
func (c changedFunctions) RestoreCommand() string    { return "bench aws --restore" }

// Signals less than a second apart are one interrupt; the first one abandons, the
// second one limits restoring, the third one kills.
func TestInterruptsEscalate(t *testing.T) {
	t.Parallel()
	const never = -time.Second
	config, code := changedFunctions{names: []string{"f", "g"}}, changedFunctions{[]string{"f"}, true}
	for name, c := range map[string]struct {
		signals []time.Duration
		// guarded commands have something to restore: changed.
		guarded bool
		changed Changes
		// When running, patient and restoring end and the process is killed.
		running, patient, restoring, killed time.Duration
		said                                string
	}{
		"none":                 {nil, true, config, never, never, never, never, ""},
		"one":                  {[]time.Duration{5}, true, config, 5, never, never, never, "restoring f, g"},
		"one, nothing held":    {[]time.Duration{5}, false, nil, 5, never, never, time.Second + 5, ""},
		"one, nothing changed": {[]time.Duration{5}, true, nil, 5, never, never, never, "cleaning up"},
		"a pair at once":       {[]time.Duration{0, 0}, true, config, 0, never, never, never, "interrupted, restoring f, g; another interrupt limits that to 15s\n"},
		"many within a second": {
			[]time.Duration{0, 20 * time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond}, true, config,
			0, never, never, never, "interrupted, restoring f, g; another interrupt limits that to 15s\n",
		},
		"a second one": {
			[]time.Duration{0, time.Second}, true, config,
			0, time.Second, 16 * time.Second, 18 * time.Second, "at most 15s, without retries",
		},
		"a second one that changed code": {
			[]time.Duration{0, 2 * time.Second}, true, code,
			0, 2 * time.Second, 62 * time.Second, 64 * time.Second, "at most 1m0s, without retries",
		},
		"two pairs": {
			[]time.Duration{0, time.Millisecond, 3 * time.Second, 3*time.Second + time.Millisecond}, true, config,
			0, 3 * time.Second, 18 * time.Second, 20 * time.Second, "interrupted again: at most 15s, without retries",
		},
		"a third one": {
			[]time.Duration{0, time.Second, 2 * time.Second}, true, config,
			0, time.Second, never, 2 * time.Second, "left changed: f, g\nhint: bench aws --restore\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				at := map[string]time.Duration{}
				var mu sync.Mutex
				said := ""
				say := func(format string, args ...any) {
					mu.Lock()
					defer mu.Unlock()
					said += fmt.Sprintf(format, args...) + "\n"
				}
				h := New(t.Context(), say)
				h.kill = func(os.Signal) {
					mu.Lock()
					defer mu.Unlock()
					at["killed"] = time.Since(began)
				}
				for name, ctx := range map[string]context.Context{"running": h.Running, "patient": h.Patient, "restoring": h.Restoring} {
					context.AfterFunc(ctx, func() {
						mu.Lock()
						defer mu.Unlock()
						at[name] = time.Since(began)
					})
				}
				h.guarded = c.guarded // guard would change how this process takes SIGPIPE
				if c.changed != nil {
					h.Track(c.changed)
				}
				signals := make(chan os.Signal)
				go h.watch(signals)
				for _, d := range c.signals {
					time.Sleep(time.Until(began.Add(d)))
					signals <- syscall.SIGTERM
				}
				close(signals)
				// Until the process is killed, or for longer than anything takes.
				for range 100 {
					time.Sleep(time.Second)
					synctest.Wait()
					mu.Lock()
					_, killed := at["killed"]
					mu.Unlock()
					if killed {
						break
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for name, want := range map[string]time.Duration{"running": c.running, "patient": c.patient, "restoring": c.restoring, "killed": c.killed} {
					if got, ok := at[name]; want == never && ok || want != never && (!ok || got != want) {
						t.Errorf("%s ends at %v (%v), want %v", name, got, ok, want)
					}
				}
				if !strings.Contains(said, c.said) || c.said == "" && said != "" {
					t.Errorf("it does not say %q, or too much:\n%s", c.said, said)
				}
				go h.giveUp(nil)
			})
		})
	}
}

// A stderr that takes nothing holds up no interrupt.
func TestInterruptsNeedNoStderr(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck, killed := make(chan bool), make(chan bool)
		h := New(t.Context(), func(string, ...any) { <-stuck })
		h.kill = func(os.Signal) { close(killed) }
		h.guarded = true
		h.Track(changedFunctions{names: []string{"f"}})
		signals := make(chan os.Signal, 3)
		go h.watch(signals)
		began := time.Now()
		for range 3 {
			signals <- syscall.SIGTERM
			time.Sleep(sameInterrupt)
		}
		if h.Patient.Err() == nil {
			t.Error("the second interrupt does not hurry")
		}
		select {
		case <-killed:
			if d := time.Since(began); d != 3*time.Second {
				t.Errorf("killed after %v, want 3 s: one after the third interrupt", d)
			}
		case <-time.After(time.Second):
			t.Error("the third interrupt does not kill")
		}
		close(stuck)
		close(signals)
		h.giveUp(nil)
	})
}
