package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"coldbench/bench/runtimeapi"
)

// goodbye is how long requests under way may take to be answered after a signal.
const goodbye = 500 * time.Millisecond

// standalone runs the function until ctx ends.
func standalone(ctx context.Context, s settings, listen, api string, stdout, stderr io.Writer) error {
	front, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listening for invocations: %w", err)
	}
	defer front.Close()
	back, err := net.Listen("tcp", api)
	if err != nil {
		return fmt.Errorf("listening for the runtime: %w", err)
	}
	server := runtimeapi.NewServer(back)
	defer server.Close()
	out := newOutput(stdout)
	environ := append(s.function.Environ(s.environ, server.Addr()), s.credentials...)
	launcher, err := newLauncher(s, environ, out)
	if err != nil {
		return err
	}
	env, err := server.NewEnvironment(s.function, launcher)
	if err != nil {
		return err
	}
	defer env.Close()
	env.OnLog(func(lines string) {
		// What the function wrote before stands above the line: the output of
		// init above START, that of an invocation above END.
		out.pump()
		out.platform(lines)
	})

	f := newFront(env, s.function, out, stderr)
	go func() {
		// The first invocation waits for this one's turn to end.
		err := env.Provision(ctx)
		if err == nil {
			_, err = env.Init(ctx)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(stderr, "rie: %v\n", err)
		}
		f.open()
	}()
	hs := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(front) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	err2 := env.Close()
	bye, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = hs.Shutdown(bye)
	_ = hs.Close()
	return errors.Join(err, err2)
}
