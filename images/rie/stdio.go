package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"

	"coldbench/bench/runtimeapi"
)

// stdioAPI is the address of the Runtime API in the emulator's network namespace, the same
// as on Lambda's older fleets.
const stdioAPI = "127.0.0.1:9001"

// stdioStart is images/start in the emulator's image, in a folder that is a volume, which
// the function's containers have, too.
const stdioStart = "/coldbench/start"

// serveStdio is rie --stdio: it serves the Runtime API for one execution environment after
// another, asks bench on out for their containers and returns when in ends.
func serveStdio(in io.Reader, out io.Writer) error {
	reapOrphans()
	listener, err := net.Listen("tcp", stdioAPI)
	if err != nil {
		return fmt.Errorf("listening for the runtime: %w", err)
	}
	server := runtimeapi.StdioServer{
		Listener:  listener,
		Probe:     &probe{},
		Processes: os.Getpid() == 1,
	}
	// Without a start there is nothing to digest; bench sees that it is empty.
	if start, err := os.ReadFile(stdioStart); err == nil {
		server.StartDigest = fmt.Sprintf("%x", sha256.Sum256(start))
	}
	return server.Serve(in, out)
}
