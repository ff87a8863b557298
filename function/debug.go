//go:build coldbench.debug

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
)

// debugFolder is where the profiles of an init are written: a folder of this
// machine that is mounted there, or the environment's own /tmp.
const debugFolder = "/tmp/debug"

// nextRequest is how the request that ends init begins on the wire.
var nextRequest = []byte("GET /2018-06-01/runtime/invocation/next ")

// instrument records an execution trace and a heap profile of the init, from
// main's first instruction to the moment before the first GET /next is written
// to the Runtime API's connection.
//
// What runs before main (the Go runtime's own start and the initialization of
// packages) is not in the trace: GODEBUG=inittrace=1 prints that. Writing the
// two files happens between the last instruction of the init and the request,
// so an instrumented Init Duration is longer than a plain one.
//
// aws-lambda-go has no hook at that place, but its client is made from
// http.DefaultTransport: a dialer of ours hands it a connection that looks at
// the first bytes written.
func (program) instrument() {
	// The trace's own 2 MB of buffers stay out of the profile.
	runtime.MemProfileRate = 0
	r, err := newRecording(debugFolder)
	if err != nil {
		fmt.Fprintln(os.Stderr, "function: no execution trace and heap profile of this init:", err)
		return
	}
	// Every allocation from here on, not one in 512 KB: an init makes few.
	runtime.MemProfileRate = 1
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		r.finish()
		return
	}
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: c, beforeNext: r.finish}, nil
	}
}

// watchedConn calls beforeNext before the bytes of a GET /next are written.
type watchedConn struct {
	net.Conn
	beforeNext func()
}

// Write writes to the connection.
func (c *watchedConn) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, nextRequest) {
		c.beforeNext()
	}
	return c.Conn.Write(p)
}

// recording is an execution trace that is being written to a file of folder.
type recording struct {
	folder string
	trace  *os.File
	once   sync.Once
}

// newRecording begins an execution trace in folder, which is made if it is not
// there and its parent is.
func newRecording(folder string) (*recording, error) {
	if err := os.Mkdir(folder, 0o755); err != nil && !os.IsExist(err) {
		return nil, err
	}
	f, err := os.Create(filepath.Join(folder, "init.trace"))
	if err != nil {
		return nil, err
	}
	if err := trace.Start(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("starting an execution trace: %w", err)
	}
	return &recording{folder: folder, trace: f}, nil
}

// finish ends the trace and writes the heap profile; later calls do nothing.
func (r *recording) finish() {
	r.once.Do(func() {
		trace.Stop()
		if err := r.trace.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "function: writing the execution trace:", err)
		}
		if err := r.writeHeap(); err != nil {
			fmt.Fprintln(os.Stderr, "function: writing the heap profile:", err)
		}
	})
}

// writeHeap writes every allocation since instrument began, and what of them is
// still in use.
func (r *recording) writeHeap() error {
	f, err := os.Create(filepath.Join(r.folder, "init.heap.pprof"))
	if err != nil {
		return err
	}
	// The profile describes the heap as of the last collection.
	runtime.GC()
	if err := pprof.WriteHeapProfile(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
