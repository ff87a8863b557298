package backendtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The time that dockerd gets to answer and to end. A healthy one takes 2 s and
// less than 1 s.
const (
	dockerdUp   = time.Minute
	dockerdDown = 20 * time.Second
)

// dockerdScript is the init process of the engine's namespaces: the kernel ends
// all of the engine's processes and mounts with it. --bridge=none would delete
// docker0 in the machine's network namespace, and with another cgroup driver
// systemd would take process IDs of this namespace for its own.
const dockerdScript = `
mount --make-rprivate / && mount -t proc proc /proc || exit 1
dockerd --config-file "$1/daemon.json" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" \
	--host "unix://$1/sock" --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs \
	--iptables=false --bridge=none &
trap 'kill $!' TERM
wait; wait
`

// Dockerd is a Docker engine with storage driver overlay2, in namespaces of its own. It ends with
// this process, even if that is killed.
type Dockerd struct {
	folder string
	cmd    *exec.Cmd
	done   chan struct{} // closed when no process of it is left
}

// StartDockerd starts an engine and returns when it answers. Stop it.
func StartDockerd() (*Dockerd, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("starting dockerd: needs root")
	}
	if _, err := exec.LookPath("dockerd"); err != nil {
		return nil, fmt.Errorf("starting dockerd: %w", err)
	}
	folder, err := os.MkdirTemp("", "coldbench-dockerd-")
	if err != nil {
		return nil, err
	}
	d := &Dockerd{folder: folder, done: make(chan struct{})}
	if err := d.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting dockerd: %w", err), os.RemoveAll(folder))
	}
	if err := d.await(); err != nil {
		err = fmt.Errorf("starting dockerd: %w\n%s", err, d.log())
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

// start starts the processes. A thread of its own waits for them: Pdeathsig
// fires when the thread that started a process ends.
func (d *Dockerd) start() error {
	if err := os.WriteFile(d.path("daemon.json"), []byte("{}"), 0o600); err != nil {
		return err
	}
	log, err := os.Create(d.path("log"))
	if err != nil {
		return err
	}
	d.cmd = exec.Command("sh", "-c", dockerdScript, "sh", d.folder)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Setpgid:    true,
		Pdeathsig:  syscall.SIGKILL,
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer log.Close()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			_ = d.cmd.Wait() // how it ended is in the log
			close(d.done)
		}
	}()
	return <-started
}

func (d *Dockerd) await() error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.path("sock"))
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	timeout := time.After(dockerdUp)
	for {
		select {
		case <-d.done:
			return errors.New("it ended")
		case <-timeout:
			return fmt.Errorf("no answer within %v", dockerdUp)
		case <-time.After(50 * time.Millisecond):
		}
		r, err := client.Get("http://docker/info")
		if err != nil {
			continue
		}
		var info struct{ Driver string }
		err = json.NewDecoder(r.Body).Decode(&info)
		r.Body.Close()
		if err == nil && info.Driver != "overlay2" {
			err = fmt.Errorf("storage driver %q, want overlay2", info.Driver)
		}
		return err
	}
}

// Host is the engine's address, "unix://…", for DOCKER_HOST.
func (d *Dockerd) Host() string { return "unix://" + d.path("sock") }

// Stop ends the engine and removes all of it. It may be called twice.
func (d *Dockerd) Stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(dockerdDown):
		_ = d.cmd.Process.Kill()
		<-d.done
	}
	return os.RemoveAll(d.folder)
}

func (d *Dockerd) path(name string) string { return filepath.Join(d.folder, name) }

func (d *Dockerd) log() string {
	b, _ := os.ReadFile(d.path("log"))
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
