package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// rawLoop is a runtime of few instructions: one connection, no HTTP library,
// so that what is left of an invocation is the server's share.
func rawLoop(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	var id []byte
	next := []byte("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
	for {
		if _, err := c.Write(next); err != nil {
			return
		}
		id = readAnswer(r, id[:0])
		if len(id) == 0 {
			return
		}
		if _, err := c.Write([]byte("POST /2018-06-01/runtime/invocation/" + string(id) + "/response HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\"ok!\"\r\n0\r\n\r\n")); err != nil {
			return
		}
		if readAnswer(r, nil) == nil {
			return
		}
	}
}

// readAnswer reads an answer and returns its request id, or "-" for none; nil
// at the end of the connection.
func readAnswer(r *bufio.Reader, id []byte) []byte {
	length := 0
	got := []byte("-")
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil
		}
		if len(line) <= 2 {
			break
		}
		key, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(key, []byte("Content-Length")):
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		case bytes.EqualFold(key, []byte("Lambda-Runtime-Aws-Request-Id")):
			got = append(id, bytes.TrimSpace(value)...)
		}
	}
	if _, err := r.Discard(length); err != nil {
		return nil
	}
	return got
}

// rawToy makes the benchmark's runtime a process.
func rawToy() *toy {
	return &toy{run: func(p *toyProcess) Exit {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
		if err != nil {
			return Exit{Code: 1}
		}
		stop := context.AfterFunc(p.ctx, func() { c.Close() })
		defer stop()
		rawLoop(c)
		return Exit{Signal: 9}
	}}
}

// median reports the median of durations, in microseconds.
func median(b *testing.B, ns []int64) {
	slices.Sort(ns)
	b.ReportMetric(float64(ns[len(ns)/2])/1e3, "us-duration")
}

// BenchmarkWarm measures the Duration of a warm invocation; us-duration is its
// median, ns/op the whole round trip with log lines and all.
func BenchmarkWarm(b *testing.B) {
	e := ready(b, Function{}, rawToy())
	ctx := context.Background()
	ns := make([]int64, 0, b.N)
	b.ReportAllocs()
	for b.Loop() {
		inv, err := e.Invoke(ctx, Event{Payload: []byte(`{"name":"x"}`)})
		if err != nil || inv.Status != "success" {
			b.Fatal(inv, err)
		}
		ns = append(ns, inv.EndedNs-inv.HandedOutNs)
	}
	median(b, ns)
}

// BenchmarkWarmBareHandler is the floor: the same runtime at a net/http handler
// that answers /next from a channel and does nothing else.
func BenchmarkWarmBareHandler(b *testing.B) {
	events := make(chan string)
	arrived := make(chan int64)
	var handedOut atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			arrived <- Clock()
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", <-events)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", "1")
			handedOut.Store(Clock())
			_, _ = w.Write([]byte(`{"name":"x"}`))
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("{\"status\":\"OK\"}\n"))
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(ln)
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	go rawLoop(c)
	<-arrived
	ns := make([]int64, 0, b.N)
	b.ReportAllocs()
	for b.Loop() {
		events <- "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
		end := <-arrived
		ns = append(ns, end-handedOut.Load())
	}
	b.StopTimer()
	median(b, ns)
	c.Close()
	close(events)
	s.Close()
}
