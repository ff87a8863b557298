package runtimeapi

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInitFails lets init fail in each way, once or twice.
func TestInitFails(t *testing.T) {
	exit := func(*toyProcess) Exit { return Exit{Code: 1} }
	hang := func(p *toyProcess) Exit { <-p.ctx.Done(); return Exit{Signal: 9} }
	report := func(p *toyProcess) Exit {
		a := p.do("POST", base+"init/error", `{"errorMessage":"no module"}`, "Lambda-Runtime-Function-Error-Type", "Runtime.ImportModuleError")
		if a.status != 202 {
			panic(fmt.Sprint("init/error got ", a))
		}
		return Exit{Code: 1}
	}
	cases := []struct {
		name  string
		init  func(*toyProcess) Exit
		error error

		status, errorType, line string
		// What an invocation says whose own init fails too.
		inside, insideType, insideLine, response string
	}{
		{"exit", exit, nil, "error", "Runtime.ExitError", "\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
			"error", "Runtime.ExitError", "\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 1"}`},
		{"reported", report, nil, "error", "Runtime.ImportModuleError", "\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError",
			"error", "Runtime.ImportModuleError", "\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError",
			`{"errorMessage":"no module"}`},
		{"entrypoint", nil, fmt.Errorf("%w: fork/exec /nothing: %w", ErrInvalidEntrypoint, syscall.ENOENT),
			"error", "Runtime.InvalidEntrypoint", "\tPhase: init\tStatus: error\tError Type: Runtime.InvalidEntrypoint",
			"error", "Runtime.InvalidEntrypoint", "\tPhase: invoke\tStatus: error\tError Type: Runtime.InvalidEntrypoint",
			`{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ID Error: fork/exec /nothing: no such file or directory"}`},
		{"too long", hang, nil, "timeout", "", "Init Duration: 150.00 ms\tPhase: init\tStatus: timeout",
			"timeout", "Sandbox.Timedout", "Init Duration: 250.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.Unknown",
			`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 0.25 seconds"}`},
	}
	for _, c := range cases {
		for _, times := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s %d", c.name, times), func(t *testing.T) {
				t.Parallel()
				f := Function{InitTimeout: time.Minute, Timeout: time.Minute}
				if c.status == "timeout" {
					f.InitTimeout = 150 * time.Millisecond
					if times == 2 {
						f.Timeout = 250 * time.Millisecond
					}
				}
				l := &toy{execError: c.error}
				l.run = func(p *toyProcess) Exit {
					if p.number <= times {
						return c.init(p)
					}
					return echo(p)
				}
				e := start(t, f, l)
				in := mustInit(t, e)
				if in.Done || in.Status != c.status || in.ErrorType != c.errorType || in.EndedNs < in.StartedNs {
					t.Errorf("init %+v", in)
				}
				if !strings.HasPrefix(in.Log, "INIT_REPORT Init Duration: ") || !strings.HasSuffix(in.Log, c.line+"\n") {
					t.Errorf("init log %q", in.Log)
				}
				if times == 1 {
					l.execError = nil
				} else {
					inv := invoke(t, e, `1`)
					if !inv.InitInside || !inv.InitFailed || inv.Status != c.inside || inv.ErrorType != c.insideType || inv.FunctionError != "Unhandled" {
						t.Errorf("invocation %+v", inv)
					}
					if got, want := string(inv.Response), strings.ReplaceAll(c.response, "ID", inv.RequestID); got != want {
						t.Errorf("response %s\nwant %s", got, want)
					}
					got := lines(inv.Log)
					if len(got) != 4 || !strings.HasPrefix(got[0], "INIT_REPORT ") || !strings.HasSuffix(got[0], c.insideLine) ||
						!strings.HasPrefix(got[1], "START ") || !strings.HasPrefix(got[2], "END ") || !strings.HasPrefix(got[3], "REPORT ") || strings.Contains(got[3], "Init Duration") {
						t.Errorf("log %q", inv.Log)
					}
					l.execError = nil
				}
				inv := invoke(t, e, `2`)
				if !inv.InitInside || inv.InitFailed || string(inv.Response) != `2` || inv.Status != "success" {
					t.Errorf("afterwards %+v", inv)
				}
				if len(lines(inv.Log)) != 3 || strings.Contains(inv.Log, "Init") {
					t.Errorf("afterwards log %q", inv.Log)
				}
				if inv := invoke(t, e, `3`); inv.InitInside {
					t.Errorf("warm %+v", inv)
				}
			})
		}
	}
}

// TestInitInsideIsInDuration puts the init that is done inside an invocation
// into its Duration.
func TestInitInsideIsInDuration(t *testing.T) {
	const nap = 40 * time.Millisecond
	l := &toy{}
	l.run = func(p *toyProcess) Exit {
		if p.number == 1 {
			return Exit{Code: 1}
		}
		time.Sleep(nap)
		return echo(p)
	}
	e := start(t, Function{}, l)
	mustInit(t, e)
	inv := invoke(t, e, `1`)
	if got := time.Duration(inv.EndedNs - inv.HandedOutNs); got < nap {
		t.Errorf("an invocation with an init of %v lasted %v", nap, got)
	}
	m := regexp.MustCompile(`\tDuration: (\d+)\.\d\d ms`).FindStringSubmatch(inv.Log)
	if m == nil || len(m[1]) < 2 {
		t.Errorf("log %q", inv.Log)
	}
}

// TestInitDuration measures from the reading at execve that the launcher hands
// over.
func TestInitDuration(t *testing.T) {
	const nap = 30 * time.Millisecond
	e := start(t, Function{}, &toy{run: func(p *toyProcess) Exit { time.Sleep(nap); return echo(p) }})
	in := mustInit(t, e)
	if got := time.Duration(in.EndedNs - in.StartedNs); !in.Done || got < nap {
		t.Errorf("init of %v: %+v", nap, in)
	}
}
