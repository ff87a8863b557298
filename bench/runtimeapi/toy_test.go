package runtimeapi

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// toy is a Launcher whose processes are goroutines that speak HTTP.
type toy struct {
	// run is the runtime: it returns how it ended. api is host:port.
	run func(p *toyProcess) Exit
	// extensions are the external ones by name, each like run.
	extensions map[string]func(p *toyProcess) Exit
	execError  error
	// runError is why the runtime can't be started beside extensions.
	runError error
	// ignoresTerm is true for a runtime that only SIGKILL ends.
	ignoresTerm bool

	env *Environment

	mu        sync.Mutex
	api       string
	launched  []Phase
	processes []*toyProcess
	// notes are what happened, in order.
	notes []string
}

func (l *toy) Launch(_ context.Context, phase Phase) (Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.launched = append(l.launched, phase)
	all, end := context.WithCancel(context.Background())
	ctx, cancel := context.WithCancel(all)
	p := &toyProcess{toy: l, ctx: ctx, cancel: cancel, all: all, end: end, done: make(chan struct{}), api: "http://" + l.api, number: len(l.launched)}
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	l.processes = append(l.processes, p)
	return p, nil
}

// phases returns what was launched so far.
func (l *toy) phases() []Phase {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Phase(nil), l.launched...)
}

type toyProcess struct {
	*toy
	number int
	api    string
	// ctx ends with the runtime, all with everything.
	ctx, all    context.Context
	cancel, end context.CancelFunc
	client      *http.Client
	done        chan struct{}
	exit        Exit
	once        sync.Once
	began       bool

	ended   chan ExtensionEnd
	outside sync.WaitGroup
	// ranNs is Clock() when the runtime was started.
	ranNs atomic.Int64
}

var _ Supervisor = (*toyProcess)(nil)

func (p *toyProcess) Exec(ctx context.Context) (Started, error) {
	if p.execError != nil {
		return Started{}, p.execError
	}
	s := Started{ClockNs: Clock(), Extensions: slices.Sorted(maps.Keys(p.extensions))}
	p.ended = make(chan ExtensionEnd, len(s.Extensions))
	for _, name := range s.Extensions {
		x := &toyProcess{toy: p.toy, number: p.number, ctx: p.all, api: p.api, client: p.client}
		p.outside.Go(func() { p.ended <- ExtensionEnd{Name: name, Exit: p.extensions[name](x)} })
	}
	if len(s.Extensions) > 0 {
		return s, nil
	}
	return s, p.Run(ctx)
}

func (p *toyProcess) Run(context.Context) error {
	if p.runError != nil {
		return p.runError
	}
	p.began = true
	p.ranNs.Store(Clock())
	go func() {
		p.exit = p.run(p)
		p.client.CloseIdleConnections()
		close(p.done)
	}()
	return nil
}

func (p *toyProcess) Ended() <-chan ExtensionEnd { return p.ended }

func (p *toyProcess) Terminate() {
	p.note("term")
	if !p.ignoresTerm {
		p.cancel()
	}
}

func (p *toyProcess) KillRuntime() {
	p.note("kill")
	p.cancel()
}

// note keeps what happened.
func (l *toy) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, what)
}
func (p *toyProcess) Done() <-chan struct{}    { return p.done }
func (p *toyProcess) Exit() Exit               { return p.exit }
func (p *toyProcess) MaxMemory() (int64, bool) { return 9<<20 - 1, true }
func (p *toyProcess) Kill() {
	p.once.Do(func() {
		p.end()
		if !p.began {
			close(p.done)
		}
		<-p.done
		p.outside.Wait()
		if p.ended != nil {
			close(p.ended)
		}
	})
}

// answer is what the toy client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request; status 0 says that there was no answer.
func (p *toyProcess) do(method, path, body string, header ...string) answer {
	var r io.Reader
	if method != http.MethodGet {
		r = io.MultiReader(strings.NewReader(body)) // hides the length: chunked
	}
	req, err := http.NewRequestWithContext(p.ctx, method, p.api+path, r)
	if err != nil {
		return answer{body: err.Error()}
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

const base = "/2018-06-01/runtime/"

func (p *toyProcess) next() (id string, a answer) {
	a = p.do("GET", base+"invocation/next", "")
	return a.header.Get("Lambda-Runtime-Aws-Request-Id"), a
}

func (p *toyProcess) respond(id, body string, header ...string) answer {
	return p.do("POST", base+"invocation/"+id+"/response", body, header...)
}

// loop serves events until the process is killed.
func (p *toyProcess) loop(handle func(id string, a answer)) Exit {
	for {
		id, a := p.next()
		if a.status != 200 {
			return Exit{Signal: 9}
		}
		handle(id, a)
	}
}

// echo answers each event with itself.
func echo(p *toyProcess) Exit {
	return p.loop(func(id string, a answer) { p.respond(id, a.body, "Content-Type", "application/json") })
}

// start makes a server and an environment for l, both closed with the test.
func start(t testing.TB, f Function, l *toy) *Environment {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(ln)
	l.api = s.Addr()
	if f.Name == "" {
		f.Name = "toy"
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 128
	}
	// A busy machine is no timeout.
	if f.Timeout == 0 {
		f.Timeout = time.Minute
	}
	if f.InitTimeout == 0 {
		f.InitTimeout = time.Minute
	}
	e, err := s.NewEnvironment(f, l)
	if err != nil {
		t.Fatal(err)
	}
	l.env = e
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the environment: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
	})
	return e
}

// ready provisions and initialises an environment whose init has to go well.
func ready(t testing.TB, f Function, l *toy) *Environment {
	t.Helper()
	e := start(t, f, l)
	if in := mustInit(t, e); !in.Done {
		t.Fatalf("init: %+v", in)
	}
	return e
}

func mustInit(t testing.TB, e *Environment) Init {
	t.Helper()
	if err := e.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	in, err := e.Init(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func invoke(t testing.TB, e *Environment, payload string) Invocation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	inv, err := e.Invoke(ctx, Event{Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func lines(log string) []string {
	return strings.Split(strings.TrimSuffix(log, "\n"), "\n")
}
