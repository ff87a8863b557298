// Package main runs a command with a Docker engine of its own, whose storage
// driver is overlay2, and DOCKER_HOST set to it:
//
//	go run ./bench/internal/backend/backendtest/overlay2 COMMAND [ARGUMENT]...
//
// It exits as the command does, or with 1 if there is no such engine. Containers
// must use --network none.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"coldbench/bench/internal/backend/backendtest"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: overlay2 COMMAND [ARGUMENT]...")
		os.Exit(2)
	}
	code, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "overlay2:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// run runs the command and passes signals on to it: its engine must outlive it.
func run(name string, args []string) (code int, err error) {
	d, err := backendtest.StartDockerd()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.Host(), "DOCKER_CONTEXT=", "DOCKER_TLS_VERIFY=", "DOCKER_CERT_PATH=")
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil // -1: ended by a signal
	}
	return 0, err
}
