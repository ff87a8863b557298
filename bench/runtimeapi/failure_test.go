package runtimeapi

import (
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// TestFailures lets a warm environment fail in each way, and then invokes it
// again.
func TestFailures(t *testing.T) {
	big := strings.Repeat("x", MaxPayload+1)
	cases := []struct {
		name string
		// fail is what the process does with the event.
		fail func(p *toyProcess, id string) *Exit

		status, errorType, functionError string
		response                         string // ID stands for the request id
		tail                             string // the end of the REPORT line
		fresh                            bool   // the next invocation needs a fresh process
	}{
		{"exit 3", func(p *toyProcess, id string) *Exit { return &Exit{Code: 3} },
			"error", "Runtime.ExitError", "Unhandled",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}`,
			"\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"exit 0", func(p *toyProcess, id string) *Exit { return &Exit{} },
			"error", "Runtime.ExitError", "Unhandled",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`,
			"\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"segfault", func(p *toyProcess, id string) *Exit { return &Exit{Code: 139, Signal: 11} },
			"error", "Runtime.ExitError", "Unhandled",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: segmentation fault"}`,
			"\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"out of memory", func(p *toyProcess, id string) *Exit { return &Exit{Signal: 9, OutOfMemory: true} },
			"error", "Runtime.OutOfMemory", "Unhandled",
			`{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`,
			"\tStatus: error\tError Type: Runtime.OutOfMemory\n", true},
		{"timeout", func(p *toyProcess, id string) *Exit { <-p.ctx.Done(); return &Exit{Signal: 9} },
			"timeout", "Sandbox.Timedout", "Unhandled",
			`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 0.20 seconds"}`,
			"\tStatus: timeout\n", true},
		{"handler error", func(p *toyProcess, id string) *Exit {
			p.do("POST", base+"invocation/"+id+"/error", `{"errorMessage":"bad","errorType":"E"}`, "Lambda-Runtime-Function-Error-Type", "Function.Bad")
			return nil
		}, "failure", "Function.Bad", "Unhandled", `{"errorMessage":"bad","errorType":"E"}`, "9 MB\t\n", false},
		{"handler error, odd type", func(p *toyProcess, id string) *Exit {
			p.do("POST", base+"invocation/"+id+"/error", `{}`, "Lambda-Runtime-Function-Error-Type", "bad thing")
			return nil
		}, "failure", "Function.Unknown", "Unhandled", `{}`, "9 MB\t\n", false},
		{"panic: error, then exit", func(p *toyProcess, id string) *Exit {
			p.do("POST", base+"invocation/"+id+"/error", `{"errorMessage":"boom"}`)
			return &Exit{Code: 1}
		}, "error", "Runtime.ExitError", "Unhandled", `{"errorMessage":"boom"}`, "\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"answers, then exits", func(p *toyProcess, id string) *Exit { p.respond(id, `"done"`); return &Exit{Code: 1} },
			"error", "Runtime.ExitError", "", `"done"`, "\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"answers, then hangs", func(p *toyProcess, id string) *Exit { p.respond(id, `"done"`); <-p.ctx.Done(); return &Exit{Signal: 9} },
			"timeout", "Sandbox.Timedout", "", `"done"`, "\tStatus: timeout\n", true},
		{"too large", func(p *toyProcess, id string) *Exit {
			if a := p.respond(id, big); a.status != 413 {
				panic(fmt.Sprint("too large a response got ", a))
			}
			return nil
		}, "error", "Function.ResponseSizeTooLarge", "Unhandled",
			`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"RequestId: ID Error: Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."}`,
			"\tStatus: error\tError Type: Function.ResponseSizeTooLarge\n", true},
		{"too large, then exit", func(p *toyProcess, id string) *Exit { p.respond(id, big); return &Exit{Code: 1} },
			"error", "Function.ResponseSizeTooLarge", "Unhandled",
			`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"RequestId: ID Error: Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."}`,
			"\tStatus: error\tError Type: Function.ResponseSizeTooLarge\n", true},
		{"invalid mode", func(p *toyProcess, id string) *Exit {
			a := p.respond(id, `1`, "Lambda-Runtime-Function-Response-Mode", "fast")
			if a.status != 400 || a.body != "{\"errorMessage\":\"Invalid function response mode\",\"errorType\":\"InvalidFunctionResponseMode\"}\n" {
				panic(fmt.Sprint("invalid mode got ", a))
			}
			return nil
		}, "error", "Runtime.InvalidResponseModeHeader", "Unhandled",
			`{"errorType":"Runtime.InvalidResponseModeHeader","errorMessage":"RequestId: ID Error: invalid function response mode"}`,
			"\tStatus: error\tError Type: Runtime.InvalidResponseModeHeader\n", true},
		{"cut off, then next", func(p *toyProcess, id string) *Exit { p.cutOff(id); return nil },
			"error", "Runtime.TruncatedResponse", "Unhandled",
			`{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: ID Error: the response was cut off"}`,
			"\tStatus: error\tError Type: Runtime.TruncatedResponse\n", true},
		{"cut off by a crash", func(p *toyProcess, id string) *Exit { p.cutOff(id); return &Exit{Code: 2} },
			"error", "Runtime.ExitError", "Unhandled",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 2"}`,
			"\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"stream that ends in an error", func(p *toyProcess, id string) *Exit {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
			if err != nil {
				panic(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST %sinvocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"+
				"Lambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"+
				"4\r\nhalf\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: %s\r\n\r\n",
				base, id, base64.StdEncoding.EncodeToString([]byte(`{"errorMessage":"mid-stream"}`)))
			b := make([]byte, 512)
			if n, err := c.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 202 ") {
				panic(fmt.Sprintf("stream got %q, %v", b[:n], err))
			}
			return nil
		}, "failure", "Runtime.StreamError", "Unhandled", `{"errorMessage":"mid-stream"}`, "9 MB\t\n", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := &toy{run: func(p *toyProcess) Exit {
				for {
					id, a := p.next()
					if a.status != 200 {
						return Exit{Signal: 9}
					}
					if a.body != `"fail"` {
						p.respond(id, a.body)
						continue
					}
					if x := c.fail(p, id); x != nil {
						return *x
					}
				}
			}}
			f := Function{Timeout: time.Minute}
			if c.status == "timeout" {
				f.Timeout = 200 * time.Millisecond
			}
			e := ready(t, f, l)
			if inv := invoke(t, e, `1`); inv.Status != "success" {
				t.Fatalf("before: %+v", inv)
			}
			inv := invoke(t, e, `"fail"`)
			if inv.Status != c.status || inv.ErrorType != c.errorType || inv.FunctionError != c.functionError || inv.InitInside || inv.InitFailed {
				t.Errorf("got %+v", inv)
			}
			if got, want := string(inv.Response), strings.ReplaceAll(c.response, "ID", inv.RequestID); got != want {
				t.Errorf("response %.300s\nwant %s", got, want)
			}
			got := lines(inv.Log)
			if len(got) != 3 || got[0] != "START RequestId: "+inv.RequestID+" Version: $LATEST" || got[1] != "END RequestId: "+inv.RequestID {
				t.Errorf("log %q", inv.Log)
			}
			if !strings.HasSuffix(inv.Log, c.tail) {
				t.Errorf("log %q does not end in %q", inv.Log, c.tail)
			}
			if c.status == "timeout" {
				if !strings.Contains(inv.Log, "\tDuration: 200.00 ms\tBilled Duration: 200 ms\t") || inv.EndedNs-inv.HandedOutNs != int64(200*time.Millisecond) {
					t.Errorf("a timeout is not capped: %q", inv.Log)
				}
			}
			after := invoke(t, e, `2`)
			if string(after.Response) != `2` || after.Status != "success" || after.InitInside != c.fresh {
				t.Errorf("after: %+v", after)
			}
			if strings.Contains(after.Log, "Init") {
				t.Errorf("after: log %q", after.Log)
			}
			want := []Phase{PhaseInit}
			if c.fresh {
				want = append(want, PhaseInvoke)
			}
			if got := l.phases(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("launched %v, want %v", got, want)
			}
		})
	}
}

// cutOff sends half a response and hangs up.
func (p *toyProcess) cutOff(id string) {
	c, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(c, "POST %sinvocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", base, id)
	c.(*net.TCPConn).CloseWrite()
	_, _ = c.Read(make([]byte, 512))
	c.Close()
}

// TestColdFailureKeepsInitDuration bills the init of an environment whose first
// invocation fails, as AWS does.
func TestColdFailureKeepsInitDuration(t *testing.T) {
	e := ready(t, Function{Timeout: 100 * time.Millisecond}, &toy{run: func(p *toyProcess) Exit {
		p.next()
		<-p.ctx.Done()
		return Exit{Signal: 9}
	}})
	inv := invoke(t, e, `1`)
	if !strings.Contains(inv.Log, "\tDuration: 100.00 ms\t") || !strings.Contains(inv.Log, "\tInit Duration: ") || !strings.HasSuffix(inv.Log, " ms\tStatus: timeout\n") {
		t.Errorf("log %q", inv.Log)
	}
	if strings.Contains(inv.Log, "Billed Duration: 100 ms") {
		t.Errorf("init is not billed: %q", inv.Log)
	}
}

// TestGoneBetweenInvocations reports a process that ended while nothing was
// asked of it: it is a crash, not a reason for a silent cold start.
func TestGoneBetweenInvocations(t *testing.T) {
	gone := make(chan struct{})
	l := &toy{}
	l.run = func(p *toyProcess) Exit {
		if p.number > 1 {
			return echo(p)
		}
		go p.next()
		<-gone
		p.cancel()
		return Exit{Code: 7}
	}
	e := ready(t, Function{}, l)
	close(gone)
	<-e.proc.Done()
	inv := invoke(t, e, `1`)
	if inv.ErrorType != "Runtime.ExitError" || inv.Exit == nil || inv.Exit.Code != 7 {
		t.Errorf("got %+v", inv)
	}
	if inv := invoke(t, e, `2`); inv.Status != "success" || !inv.InitInside {
		t.Errorf("after: %+v", inv)
	}
}
