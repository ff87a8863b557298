package awssim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"coldbench/bench/runtimeapi"
)

// Server is the endpoint. It is an http.Handler; Serve listens.
type Server struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	logs   *logStore
	// latency is true where the platform's part of an init is drawn.
	latency bool
	// work has to end before Close returns.
	work sync.WaitGroup

	mu           sync.Mutex
	functions    map[string]*function
	registry     map[string]configuration
	environments int
	stats        Stats
	nth          map[string]int
	quotas       quotas
	dirs         []string
	servers      []*http.Server
	broken       error
	closed       bool

	use use
}

var _ http.Handler = (*Server)(nil)

// New makes an endpoint without functions.
func New(o Options) (*Server, error) {
	if o.Engine == nil {
		return nil, errors.New("making a rehearsal: no engine to run functions")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Region = cmp.Or(o.Region, runtimeapi.DefaultRegion)
	o.Concurrency = cmp.Or(o.Concurrency, 1000)
	o.KeepWarm = cmp.Or(o.KeepWarm, 10*time.Minute)
	o.Ingestion = cmp.Or(o.Ingestion, 300*time.Millisecond)
	o.PageScan = cmp.Or(o.PageScan, 1000)
	s := &Server{
		o: o, functions: map[string]*function{}, registry: map[string]configuration{}, nth: map[string]int{},
		stats: Stats{Calls: map[string]int{}, Faults: map[string]int{}},
		logs:  &logStore{ingestion: max(o.Ingestion, 0), groups: map[string]*logGroup{}},
	}
	switch o.Latency {
	case "", "none":
	case "aws":
		s.latency = true
	default:
		return nil, fmt.Errorf("making a rehearsal: latency %q: none or aws", o.Latency)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.work.Go(s.sweep)
	return s, nil
}

func (s *Server) now() time.Time { return s.o.Clock() }

// sweep ends environments that expire while nobody asks for their function.
func (s *Server) sweep() {
	t := time.NewTicker(min(max(s.o.KeepWarm/10, 50*time.Millisecond), time.Second))
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
			s.mu.Lock()
			for _, f := range s.functions {
				s.settle(f)
				for _, v := range f.versions() {
					s.expire(v.serving)
				}
			}
			s.mu.Unlock()
		}
	}
}

// Close ends every environment and returns when nothing is left. Its error is what went wrong
// with environments since New. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		for _, f := range s.functions {
			s.drop(f)
		}
	}
	servers := s.servers
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	var failed error
	for _, server := range servers {
		failed = errors.Join(failed, server.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = errors.Join(s.broken, failed)
	for _, dir := range s.dirs {
		s.broken = errors.Join(s.broken, os.RemoveAll(dir))
	}
	s.dirs = nil
	return s.broken
}

func (s *Server) drop(f *function) {
	if u := f.latest.update; u != nil {
		s.retire(u.next)
	}
	for _, v := range f.versions() {
		s.retire(v.serving)
	}
}

func (s *Server) fail(err error) {
	s.mu.Lock()
	if s.broken == nil {
		s.broken = err
	}
	s.mu.Unlock()
	s.say(err.Error())
}

func (s *Server) say(line string) {
	if s.o.Log != nil {
		s.o.Log("rehearsal: " + line)
	}
}

// maxBody is the most that a request may have: a zip of 50 MB in base64.
const maxBody = 72 << 20

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	id := runtimeapi.NewRequestID()
	if err != nil {
		refusal(413, "RequestTooLargeException", "Request must be smaller than 69905067 bytes for the operation").send(w, id)
		return
	}
	c := route(r, body)
	c.id = id
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		refusal(503, "ServiceUnavailableException", "The rehearsal is over").send(w, id)
		return
	}
	s.work.Add(1)
	defer s.work.Done()
	s.use.call()
	s.stats.Calls[c.operation]++
	nth := c.operation + " " + c.name
	s.nth[nth]++
	c.fault = s.o.Faults.draw(newRNG(s.o.Seed, c.operation, c.name, s.nth[nth]))
	if c.operation == "Invoke" {
		s.stats.Invocations++
	}
	over := !s.o.NoQuotas && s.quotas.over(c.operation, time.Now())
	s.mu.Unlock()

	out, fault := s.answer(c, over)
	s.mu.Lock()
	lost := fault == "reset"
	text := strings.TrimSpace(c.operation + " " + c.name)
	switch {
	case lost:
		text += ": connection reset"
	case out.code != "":
		text += ": " + out.code
	}
	if fault != "" {
		s.stats.Faults[fault]++
	}
	if c.operation == "Invoke" {
		if out.outcome == wasServed {
			s.stats.Served++
		} else {
			s.stats.Refused++
		}
	}
	if lost && c.fault.after {
		s.stats.Lost++
	}
	s.mu.Unlock()
	s.say(text)
	if lost {
		breakOff(w)
		return
	}
	out.send(w, id)
}

// answer does a call, or what was drawn in its place, and names the fault.
func (s *Server) answer(c *call, over bool) (reply, string) {
	if out, fault := c.fault.refuse(c.operation); fault != "" {
		return s.inItsForm(c, out), fault
	}
	if over {
		return s.inItsForm(c, throttled("CallerRateLimitExceeded")), ""
	}
	if c.fault.reset && !c.fault.after {
		return reply{}, "reset"
	}
	out := c.do(s, c)
	if c.fault.reset {
		return out, "reset"
	}
	return out, ""
}
