package docker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// victimVariable makes the test binary a process that takes samples until it is
// killed; its value is the image's ID.
const victimVariable = "COLDBENCH_DOCKER_VICTIM"

func TestMain(m *testing.M) {
	if id := os.Getenv(victimVariable); id != "" {
		if err := victim(id); err != nil {
			fmt.Println("victim:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func victim(id string) error {
	ctx := context.Background()
	e, err := Connect(ctx, Options{Network: "none"})
	if err != nil {
		return err
	}
	fmt.Println("run", e.run)
	img := coldstart.Image{ID: id, Entrypoint: []string{"/bootstrap"}}
	t, err := e.Open(ctx, coldstart.Config{Variant: "victim", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{Payload: []byte("{}"), LimitCPU: true})
	if err != nil {
		return err
	}
	for {
		env, _, err := t.Start(ctx)
		if err != nil {
			return err
		}
		fmt.Println("sample")
		if err := env.Close(); err != nil {
			return err
		}
	}
}

// TestKillLeavesNothing kills a process that uses the engine without warning,
// at moments spread over a sample, and waits until its containers have gone by
// themselves. What was made and not yet started can't end by itself: that the
// next Connect removes.
func TestKillLeavesNothing(t *testing.T) {
	e := connect(t, Options{})
	img := hello(t, e)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), victimVariable+"="+img.ID)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		run := ""
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if r, ok := strings.CutPrefix(lines.Text(), "run "); ok {
				run = r
			}
			if lines.Text() == "sample" || strings.HasPrefix(lines.Text(), "victim:") {
				break
			}
		}
		if lines.Text() != "sample" {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("the victim took no sample: %q", lines.Text())
		}
		time.Sleep(time.Duration(n) * 37 * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		left := []string{"?"}
		for deadline := time.Now().Add(time.Minute); len(left) > 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if left = running(t, e, run); len(left) == 0 {
				break
			}
		}
		if len(left) > 0 {
			t.Errorf("killed after %d ms, a minute later: %s", n*37, strings.Join(left, ", "))
		}
		connect(t, Options{})
		if left := containersOf(t, e, run); len(left) > 0 {
			t.Errorf("killed after %d ms, after the next connect: %s", n*37, strings.Join(left, ", "))
		}
	}
}

// containersOf lists all containers of a run, running those that were started.
func containersOf(t testing.TB, e *Engine, run string) []string {
	t.Helper()
	list, err := e.cli.ContainerList(context.Background(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", labelRun+"="+run),
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, nameOf(c)+" "+string(c.State))
	}
	return names
}

func running(t testing.TB, e *Engine, run string) []string {
	t.Helper()
	var started []string
	for _, name := range containersOf(t, e, run) {
		if !strings.HasSuffix(name, " created") {
			started = append(started, name)
		}
	}
	return started
}

// gate stands between the client and the engine and can be shut.
type gate struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]bool
	shut     bool
}

func newGate(t *testing.T, socket string) *gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, conns: map[net.Conn]bool{}}
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("unix", socket)
			if err != nil {
				a.Close()
				continue
			}
			g.mu.Lock()
			shut := g.shut
			g.conns[a], g.conns[b] = true, true
			g.mu.Unlock()
			if shut {
				a.Close()
				b.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_ = to.(*net.UnixConn).CloseWrite()
			}
			go pass(a, b)
			go pass(b, a)
		}
	}()
	t.Cleanup(func() { l.Close(); g.set(true) })
	t.Setenv("DOCKER_HOST", "unix://"+path)
	return g
}

// set shuts or opens the gate; what had passed is cut off.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.conns {
			c.Close()
		}
		clear(g.conns)
	}
}

// TestEngineThatGoesAndComesBack: in the middle of a run the engine is gone at
// each step of a sample; that is the engine's failure and ends in time, and
// once it is back the same Engine works on.
func TestEngineThatGoesAndComesBack(t *testing.T) {
	direct := connect(t, Options{})
	host, ok := strings.CutPrefix(direct.cli.DaemonHost(), "unix://")
	if !ok {
		t.Skip("the engine is not at a socket")
	}
	img := hello(t, direct)
	g := newGate(t, host)
	e := connect(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	steps := []string{"provision", "init", "limit", "invoke", "invoke again", "close"}
	for lost := range steps {
		t.Run(steps[lost], func(t *testing.T) {
			prototype, err := e.newMachine(ctx, coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{LimitCPU: true})
			if err != nil {
				t.Fatal(err)
			}
			m := prototype.fresh()
			for n, do := range []func() error{
				func() error { return m.Provision(ctx) },
				func() error { _, err := m.Init(ctx); return err },
				func() error { return m.Limit(ctx) },
				func() error { _, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte("{}")}); return err },
				func() error { _, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte("{}")}); return err },
				m.Close,
			} {
				if n == lost {
					g.set(true)
				}
				err := do()
				if n < lost && err != nil {
					t.Fatalf("%s: %v", steps[n], err)
				}
				if n < lost {
					continue
				}
				var f *coldstart.Failure
				if err != nil && (!errors.As(err, &f) || f.Reason != coldstart.ReasonEngine) {
					t.Errorf("%s: %v is not the engine's failure", steps[n], err)
				}
				if n == lost && err == nil && steps[n] != "limit" && steps[n] != "close" {
					t.Errorf("%s without an engine went well", steps[n])
				}
			}
			g.set(false)
			// What could not be removed then is gone by itself now: its emulator
			// has ended with the connection.
			for range 200 {
				if len(running(t, direct, e.run)) == 0 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if left := running(t, direct, e.run); len(left) > 0 {
				t.Errorf("left: %s", strings.Join(left, ", "))
			}
		})
	}
	m, err := e.newMachine(ctx, coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{LimitCPU: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Provision(ctx); err != nil {
		t.Errorf("back again: %v", err)
	}
}

// TestProgramOfAnotherArchitecture is an image that can't run here.
func TestProgramOfAnotherArchitecture(t *testing.T) {
	e := connect(t, Options{})
	program := build(t, e.Arch(), "coldbench/function")
	const machineField = 18 // e_machine of an ELF header
	foreign := bytes.Clone(program)
	copy(foreign[machineField:], []byte{0xf3, 0}) // RISC-V
	img := load(t, e, map[string][]byte{"bootstrap": foreign}, "/bootstrap")
	target, err := e.Open(context.Background(), coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{Payload: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	_, _, err = target.Start(context.Background())
	var f *coldstart.Failure
	if !errors.As(err, &f) || f.Reason != coldstart.ReasonInit || !strings.Contains(err.Error(), "exec format error") {
		t.Errorf("%v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	e := connect(t, Options{})
	img := load(t, e, map[string][]byte{"f": []byte("x")})
	c := coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}
	ctx := context.Background()
	if _, err := e.Open(ctx, c, img, coldstart.Options{}); err == nil || coldstart.HintOf(err) == "" {
		t.Errorf("an image without entrypoint: %v", err)
	}
	img.Entrypoint = []string{"/f"}
	if _, err := e.Open(ctx, c, coldstart.Image{ID: "sha256:" + strings.Repeat("0", 64), Entrypoint: []string{"/f"}}, coldstart.Options{}); !errors.Is(err, ErrNoImage) {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := e.Open(ctx, c, img, coldstart.Options{LimitCPU: true, CPUPeriod: time.Millisecond}); err == nil {
		t.Error("a quota that the kernel does not take")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := e.Open(ctx, c, img, coldstart.Options{}); err == nil {
		t.Error("opening on a closed engine went well")
	}
}
