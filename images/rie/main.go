// Rie is a runtime interface emulator: it serves the AWS Lambda Runtime API to a
// function and invokes it.
//
//	rie [--listen HOST:PORT] [--runtime-api-address HOST:PORT] [COMMAND [ARG]...]
//
// As a container's entrypoint it runs the command that follows it, else the first of
// /var/task/bootstrap, /opt/bootstrap and /var/runtime/bootstrap, initialises it at once
// and takes invocations, one after another, at
//
//	POST http://HOST:PORT/2015-03-31/functions/function/invocations
//
// on 0.0.0.0:8080, like AWS's own emulator. START, END, REPORT and the function's output go
// to stdout. With the header X-Amz-Log-Type: Tail the answer has the last 4 KB of it in
// X-Amz-Log-Result; X-Amz-Function-Error tells of a function that failed. Each file of
// /opt/extensions is started first; the command follows when all of them have registered.
//
// AWS_LAMBDA_FUNCTION_NAME, _VERSION, _TIMEOUT (whole seconds, 300), _MEMORY_SIZE (MB,
// 3008) and _HANDLER describe the function. Nothing is limited.
//
// With --stdio, and nothing else, it is the emulator container of bench's docker engine,
// talks to bench on stdin and stdout, and ends when stdin does. It imports neither a command
// line library nor an SDK, and reaps what the function leaves behind, as process 1 must.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	if slices.Equal(os.Args[1:], []string{"--stdio"}) {
		if err := serveStdio(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "rie: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: it returns the exit code, 0 also where ctx ended it.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var listen, api string
	flags := flag.NewFlagSet("rie", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&listen, "listen", "0.0.0.0:8080", "`HOST:PORT` to take invocations at")
	flags.StringVar(&listen, "runtime-interface-emulator-address", "0.0.0.0:8080", "the same, by the name that AWS's emulator gives it")
	flags.StringVar(&api, "runtime-api-address", "127.0.0.1:9001", "`HOST:PORT` to serve the Runtime API at")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	s, err := readSettings(flags.Args(), environ)
	if err != nil {
		fmt.Fprintf(stderr, "rie: %v\n", err)
		return 2
	}
	if err := standalone(ctx, s, listen, api, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "rie: %v\n", err)
		return 1
	}
	return 0
}
