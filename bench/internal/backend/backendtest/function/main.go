// Command function is a Lambda function for tests. It answers like the
// function that bench measures and misbehaves on request: its event says how,
// and on which of an environment's invocations; the variable BENCH_TEST_INIT
// says what it does before it asks for an event.
//
//	{"do":"sleep","ms":20}            sleeps
//	{"do":"print","bytes":1048576}    prints lines of x
//	{"do":"error"}                    answers with an error
//	{"do":"panic"}                    panics
//	{"do":"exit","code":3}            ends the process
//	{"do":"hang"}                     says "hanging" and never answers
//	{"do":"big","bytes":7340032}      answers with that many bytes
//	{"do":"alloc","mb":300}           uses that much memory
//	{"do":"spawn","mark":"x"}         leaves a process behind whose last argument is the mark
//	{"do":"register"}                 registers an internal extension, which is too late
//	{"do":"probe"}                    prints PROBE and what it sees, see Probe
//	{"do":"exit","code":3,"on":2}     only on the environment's second invocation
//
// The variable BENCH_TEST_EVENT takes the place of every event.
//
//	BENCH_TEST_INIT="sleep 50" | "exit 3" | "panic" | "hang" | "alloc 300" |
//	"internal" (registers an internal extension) |
//	"fail-once" (ends the process, unless /tmp/failed is there)
//
// As a file of /opt/extensions it is an external extension, see extend.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"coldbench/function/started"
)

// event says what to do.
type event struct {
	Do    string `json:"do"`
	Ms    int    `json:"ms"`
	Bytes int    `json:"bytes"`
	Code  int    `json:"code"`
	MB    int    `json:"mb"`
	Mark  string `json:"mark"`
	// On is the invocation to do it on; 0 means on each.
	On int `json:"on"`
}

// answer is what the measured function answers, and more bytes on request.
type answer struct {
	InstanceID  string `json:"instanceId"`
	Invocation  int    `json:"invocation"`
	Token       string `json:"token,omitempty"`
	StartedAtNs int64  `json:"startedAtNs"`
	UptimeMs    int64  `json:"processUptimeMs"`
	Rest        string `json:"rest,omitempty"`
}

// kept holds what was allocated, so that it stays in memory.
var kept [][]byte

func main() {
	if strings.HasPrefix(os.Args[0], "/opt/extensions/") {
		extend(os.Args[0])
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "linger" {
		time.Sleep(time.Hour)
		return
	}
	first := probe()
	if err := initialize(os.Getenv("BENCH_TEST_INIT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	id := make([]byte, 16)
	rand.Read(id)
	invocation := 0
	lambda.Start(func(ctx context.Context, e event) (answer, error) {
		invocation++
		if text := os.Getenv("BENCH_TEST_EVENT"); text != "" {
			e = event{}
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				return answer{}, err
			}
		}
		a := answer{
			InstanceID: fmt.Sprintf("%x", id), Invocation: invocation,
			Token: os.Getenv("BENCH_TOKEN"), StartedAtNs: started.AtNs(),
			UptimeMs: time.Since(begun).Milliseconds() / 10 * 10, // as the kernel has it
		}
		if e.On != 0 && e.On != invocation {
			return a, nil
		}
		return a, do(ctx, e, &a, first)
	})
}

// do misbehaves.
func do(ctx context.Context, e event, a *answer, first Probe) error {
	switch e.Do {
	case "":
	case "sleep":
		time.Sleep(time.Duration(e.Ms) * time.Millisecond)
	case "print":
		line := strings.Repeat("x", 99)
		for n := 0; n < e.Bytes; n += 100 {
			fmt.Println(line)
		}
	case "error":
		return errors.New("asked for an error")
	case "panic":
		panic("asked for a panic")
	case "exit":
		fmt.Println("exiting")
		os.Exit(e.Code)
	case "hang":
		fmt.Println("hanging")
		hang()
	case "big":
		a.Rest = strings.Repeat("x", e.Bytes)
	case "alloc":
		alloc(e.MB)
	case "spawn":
		return exec.Command("/proc/self/exe", "linger", e.Mark).Start()
	case "register":
		status, text, _ := register("late", `{"events":["INVOKE"]}`)
		fmt.Println("registered late", status, text)
	case "probe":
		first.Deadline = deadline(ctx)
		first.Limits = limits()
		first.Names = resolve("localhost", "sandbox.localdomain")
		text, err := json.Marshal(first)
		if err != nil {
			return err
		}
		fmt.Printf("PROBE %s\n", text)
	default:
		return fmt.Errorf("unknown event %q", e.Do)
	}
	return nil
}

// initialize does what is to be done before the first event.
func initialize(what string) error {
	what, arg, _ := strings.Cut(what, " ")
	n, err := strconv.Atoi(arg)
	if arg != "" && err != nil {
		return err
	}
	switch what {
	case "":
	case "sleep":
		time.Sleep(time.Duration(n) * time.Millisecond)
	case "exit":
		fmt.Println("exiting")
		os.Exit(n)
	case "panic":
		panic("asked for a panic")
	case "hang":
		fmt.Println("hanging")
		hang()
	case "alloc":
		alloc(n)
	case "internal":
		return internal()
	case "fail-once":
		mark := filepath.Join(os.TempDir(), "failed")
		if _, err := os.Stat(mark); err != nil {
			if err := os.WriteFile(mark, nil, 0o644); err != nil {
				return err
			}
			return errors.New("failing once")
		}
	default:
		return fmt.Errorf("unknown BENCH_TEST_INIT %q", what)
	}
	return nil
}

// hang never returns. A select without cases would not do: where nothing else
// runs, Go takes that for a deadlock and ends the process.
func hang() {
	for {
		time.Sleep(time.Hour)
	}
}

// alloc uses memory, a megabyte at a time.
func alloc(mb int) {
	for range mb {
		kept = append(kept, bytes.Repeat([]byte{1}, 1<<20))
	}
}
