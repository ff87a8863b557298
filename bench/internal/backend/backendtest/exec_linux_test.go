package backendtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// bare is a backend without isolation: the runtime is a child of the test, and
// the emulator that of the local engines. It shows that the contract, the test
// function and the emulator agree, on any machine with Linux.
type bare struct {
	server *runtimeapi.Server

	mu      sync.Mutex
	running []int
}

func (b *bare) Open(_ context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	return localenv.NewTarget(localenv.Setup{
		Config: c, Image: img, Options: o, Strategy: "new-process",
		NewMachine: func() (localenv.Machine, error) {
			tmp, err := os.MkdirTemp("", "coldbench-bare-")
			if err != nil {
				return nil, err
			}
			m := &bareMachine{b: b, image: img, options: o, tmp: tmp}
			m.function = runtimeapi.Function{Name: "test", Handler: "bootstrap", MemoryMB: c.MemoryMB, Timeout: o.Timeout}
			env, err := b.server.NewEnvironment(m.function, m)
			m.Environment = env
			return m, err
		},
	}), nil
}

// left lists the processes that are running.
func (b *bare) left() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, pid := range b.running {
		out = append(out, fmt.Sprint("process ", pid))
	}
	return out
}

// bareMachine is one environment.
type bareMachine struct {
	*runtimeapi.Environment
	b        *bare
	function runtimeapi.Function
	image    coldstart.Image
	options  coldstart.Options
	// tmp stands in for the environment's own /tmp.
	tmp string

	mu     sync.Mutex
	output []byte
}

var _ localenv.Machine = (*bareMachine)(nil)

func (m *bareMachine) Close() error {
	return errors.Join(m.Environment.Close(), os.RemoveAll(m.tmp))
}

func (m *bareMachine) Limit(context.Context) error      { return nil }
func (m *bareMachine) Throttled() (time.Duration, bool) { return 0, false }

func (m *bareMachine) Output() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.output[max(0, len(m.output)-4096):])
}

func (m *bareMachine) Launch(ctx context.Context, _ runtimeapi.Phase) (runtimeapi.Process, error) {
	return &bareProcess{m: m, done: make(chan struct{})}, ctx.Err()
}

// bareProcess is one runtime process.
type bareProcess struct {
	m    *bareMachine
	cmd  *exec.Cmd
	done chan struct{}
	once sync.Once
	exit runtimeapi.Exit
}

func (p *bareProcess) Exec(context.Context) (runtimeapi.Started, error) {
	argv := append(slices.Clone(p.m.image.Entrypoint), p.m.image.Command...)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = "/"
	given := []string{"TMPDIR=" + p.m.tmp}
	for k, v := range p.m.options.Environment {
		given = append(given, k+"="+v)
	}
	p.cmd.Env = p.m.function.Environ(append(given, p.m.image.Environment...), p.m.b.server.Addr())
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w, err := os.Pipe()
	if err != nil {
		return runtimeapi.Started{}, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	started := runtimeapi.Started{ClockNs: runtimeapi.Clock()}
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		p.cmd = nil
		p.once.Do(func() { close(p.done) })
		return started, errors.Join(runtimeapi.ErrInvalidEntrypoint, err)
	}
	pid := p.cmd.Process.Pid
	p.m.b.mu.Lock()
	p.m.b.running = append(p.m.b.running, pid)
	p.m.b.mu.Unlock()
	go func() {
		p.m.read(r)
		r.Close()
		p.cmd.Wait()
		ws := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if p.exit.Code = ws.ExitStatus(); ws.Signaled() {
			p.exit = runtimeapi.Exit{Signal: int(ws.Signal())}
		}
		p.m.b.mu.Lock()
		p.m.b.running = slices.DeleteFunc(p.m.b.running, func(n int) bool { return n == pid })
		p.m.b.mu.Unlock()
		p.once.Do(func() { close(p.done) })
	}()
	return started, nil
}

// read keeps what the process writes.
func (m *bareMachine) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		m.mu.Lock()
		m.output = append(append(m.output, lines.Bytes()...), '\n')
		m.mu.Unlock()
		m.options.Log(lines.Text())
	}
}

func (p *bareProcess) Done() <-chan struct{}    { return p.done }
func (p *bareProcess) Exit() runtimeapi.Exit    { return p.exit }
func (p *bareProcess) MaxMemory() (int64, bool) { return 0, false }

func (p *bareProcess) Kill() {
	if p.cmd == nil {
		p.once.Do(func() { close(p.done) })
		return
	}
	// The group holds what the function left behind too.
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func TestContractOnBareProcesses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bare{server: runtimeapi.NewServer(l)}
	defer b.server.Close()
	// BENCH_TEST_SLOW=1 adds the checks that wait for Lambda's own limits.
	const why = "the function is a plain process"
	backendtest.Run(t, backendtest.Suite{
		Backend:   b,
		Image:     coldstart.Image{ID: "sha256:bare", Arch: runtime.GOARCH, Entrypoint: []string{backendtest.Build(t)}},
		Leftovers: b.left,
		Clock:     runtimeapi.Clock,
		Slow:      os.Getenv("BENCH_TEST_SLOW") != "",
		Lacks: map[backendtest.Ability]string{
			backendtest.CanIsolate: why, backendtest.CanLimitMemory: why, backendtest.CanMeasureMemory: why, backendtest.CanExtend: why,
		},
	})
}
