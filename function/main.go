// Command function is what bench packages and measures: a hello-world Lambda
// function on aws-lambda-go that says, beside its greeting, which execution
// environment answered and when its process began.
//
// It is built once and copied byte for byte into every image that is compared.
// The build tag coldbench.debug adds one file, debug.go, for the image that
// looks inside a cold start.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"coldbench/function/started"
)

// program is what main runs. A build with coldbench.debug gives it a method
// instrument, which main calls before everything else.
type program struct{}

func main() {
	if p, ok := any(program{}).(interface{ instrument() }); ok {
		p.instrument()
	}
	h, err := newHandler(os.Getenv("BENCH_TOKEN"), started.AtNs(), processUptime)
	if err != nil {
		fmt.Fprintln(os.Stderr, "function:", err)
		os.Exit(1)
	}
	lambda.Start(h)
}
