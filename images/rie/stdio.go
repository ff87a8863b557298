package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"

	"coldbench/bench/runtimeapi"
)

// stdioAPI is where the Runtime API is served within the emulator's network
// namespace; Lambda's older fleets use the same address.
const stdioAPI = "127.0.0.1:9001"

// stdioStart is where the emulator's image holds images/start. A volume is
// mounted over its folder, so that the function's containers find the same
// file.
const stdioStart = "/coldbench/start"

// serveStdio is rie --stdio: the emulator container of bench's docker engine.
// It serves the Runtime API for one execution environment after another, asks
// bench on out for their containers and returns when in ends.
func serveStdio(in io.Reader, out io.Writer) error {
	reapOrphans()
	listener, err := net.Listen("tcp", stdioAPI)
	if err != nil {
		return fmt.Errorf("listening for the runtime: %w", err)
	}
	server := runtimeapi.StdioServer{
		Listener:  listener,
		Probe:     newProbe(),
		Processes: os.Getpid() == 1,
	}
	// Without a start there is nothing to digest; bench sees that it is empty.
	if start, err := os.ReadFile(stdioStart); err == nil {
		server.StartDigest = fmt.Sprintf("%x", sha256.Sum256(start))
	}
	return server.Serve(in, out)
}
