package backend_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// The floors: what the same work costs at least, without an engine of bench's.
// Nothing of the engines is in this file.

// processFloor is a cold start with fork and exec, the least of a Runtime API,
// no isolation, no limits and no measurement.
type processFloor struct {
	listener net.Listener
	binary   string
	// events holds the event that waits for a GET /next; asked is told of each.
	events chan string
	asked  chan struct{}
}

func newProcessFloor(binary string) (*processFloor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &processFloor{listener: l, binary: binary, events: make(chan string, 1), asked: make(chan struct{}, 2)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f, nil
}

func (f *processFloor) close() { _ = f.listener.Close() }

// serve answers the requests of one connection: a process may open a second.
func (f *processFloor) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		if req.Method == http.MethodPost {
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		select {
		case event := <-f.events:
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"+
				"Lambda-Runtime-Deadline-Ms: %d\r\nContent-Length: %d\r\n\r\n%s", time.Now().Add(3*time.Second).UnixMilli(), len(event), event)
		default: // the second GET waits for ever
		}
		f.asked <- struct{}{}
	}
}

// cold starts a process, has it answer one event, waits until it asks for the
// next one, and ends it.
func (f *processFloor) cold() error {
	f.events <- `{"name":"you"}`
	cmd := exec.Command(f.binary)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + f.listener.Addr().String()}
	if err := cmd.Start(); err != nil {
		return err
	}
	for range 2 {
		select {
		case <-f.asked:
		case <-time.After(10 * time.Second):
			return errors.New("the function does not ask for an event")
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return nil
}

// warmFloor is the function as a plain process behind a net/http handler that
// answers /next from a channel.
type warmFloor struct {
	server    *http.Server
	events    chan string
	asked     chan time.Time
	handedOut atomic.Pointer[time.Time]
	process   *exec.Cmd
}

func newWarmFloor(binary string) (*warmFloor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &warmFloor{events: make(chan string), asked: make(chan time.Time, 1)}
	f.server = &http.Server{Handler: f}
	go func() { _ = f.server.Serve(l) }()
	f.process = exec.Command(binary)
	f.process.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String()}
	if err := f.process.Start(); err != nil {
		return nil, err
	}
	<-f.asked
	return f, nil
}

// ServeHTTP answers the two requests of an invocation.
func (f *warmFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	f.asked <- time.Now()
	select {
	case event := <-f.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(3*time.Second).UnixMilli(), 10))
		now := time.Now()
		f.handedOut.Store(&now)
		_, _ = io.WriteString(w, event)
	case <-r.Context().Done():
	}
}

// invoke returns the time from the hand-out of an event to the next GET /next.
func (f *warmFloor) invoke(event string) time.Duration {
	f.events <- event
	return (<-f.asked).Sub(*f.handedOut.Load())
}

func (f *warmFloor) close() {
	_ = f.process.Process.Kill()
	_ = f.process.Wait()
	_ = f.server.Close()
}

// containerFloor is the engine's raw calls for a container that joins the
// network of another one: create, start, change the quota, remove.
type containerFloor struct {
	cli           *client.Client
	folder        string
	image, holder string // image IDs
	network       string // ID of the container that owns the network
}

// newContainerFloor builds two images, one of the function and one of a program
// that listens on the Runtime API's address and never answers, and starts the
// latter.
func newContainerFloor(function, hold string) (f *containerFloor, err error) {
	f = &containerFloor{}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.folder, err = os.MkdirTemp("", "coldbench-floor-"); err != nil {
		return f, err
	}
	if f.cli, err = client.New(client.FromEnv); err != nil {
		return f, err
	}
	if f.image, err = f.build(function); err != nil {
		return f, err
	}
	if f.holder, err = f.build(hold); err != nil {
		return f, err
	}
	ctx := context.Background()
	made, err := f.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config:     &container.Config{Image: f.holder},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		return f, err
	}
	f.network = made.ID
	_, err = f.cli.ContainerStart(ctx, f.network, client.ContainerStartOptions{})
	return f, err
}

// build makes an image of one program and returns its ID.
func (f *containerFloor) build(program string) (string, error) {
	dir, err := os.MkdirTemp(f.folder, "image-")
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), content, 0o755); err != nil {
		return "", err
	}
	dockerfile := "FROM scratch\nCOPY bootstrap /bootstrap\nENTRYPOINT [\"/bootstrap\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return "", err
	}
	id, err := exec.Command("docker", "build", "-q", dir).Output() // stderr has warnings
	if err != nil {
		return "", fmt.Errorf("docker build: %w", err)
	}
	return string(bytes.TrimSpace(id)), nil
}

// cold makes, starts, re-quotas and removes one container.
func (f *containerFloor) cold() error {
	ctx := context.Background()
	made, err := f.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: f.image, User: "993:990", Env: []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"}},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode("container:" + f.network), PidMode: container.PidMode("container:" + f.network),
			ReadonlyRootfs: true, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
			Tmpfs:     map[string]string{"/tmp": "rw,exec,size=512m,mode=1777"},
			Resources: container.Resources{Memory: 512 << 20, MemorySwap: 512 << 20, CPUPeriod: 20_000, CPUQuota: 40_000},
		},
	})
	if err != nil {
		return err
	}
	_, err = f.cli.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	if err == nil {
		_, err = f.cli.ContainerUpdate(ctx, made.ID, client.ContainerUpdateOptions{Resources: &container.Resources{CPUPeriod: 20_000, CPUQuota: 5_788}})
	}
	_, removing := f.cli.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true})
	return errors.Join(err, removing)
}

func (f *containerFloor) close() {
	ctx := context.Background()
	if f.network != "" {
		_, _ = f.cli.ContainerRemove(ctx, f.network, client.ContainerRemoveOptions{Force: true})
	}
	for _, id := range []string{f.image, f.holder} {
		if id != "" {
			_, _ = f.cli.ImageRemove(ctx, id, client.ImageRemoveOptions{Force: true})
		}
	}
	if f.cli != nil {
		_ = f.cli.Close()
	}
	_ = os.RemoveAll(f.folder)
}

// shellCold is what one types without a harness: docker run of the function
// with an emulator, curl until it answers, docker rm.
func shellCold(image, emulator string, port int) error {
	script := `
id=$(docker run -d -p 127.0.0.1:$PORT:8080 -v $RIE:/rie:ro --entrypoint /rie $IMAGE /bootstrap) || exit 1
n=0
until curl -s -f -o /dev/null -d '{"name":"you"}' http://127.0.0.1:$PORT/2015-03-31/functions/function/invocations; do
	n=$((n + 1)); [ $n -lt 500 ] || break
	sleep 0.01
done
docker rm -f $id >/dev/null
[ $n -lt 500 ]`
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "IMAGE="+image, "RIE="+emulator, "PORT="+strconv.Itoa(port))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker run, curl, docker rm: %w: %s", err, out)
	}
	return nil
}

// official is the emulator that AWS publishes, with the function as its child.
type official struct {
	process *exec.Cmd
	url     string
	log     lockedBuffer
}

func newOfficial(emulator, function string) (*official, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	o := &official{url: "http://" + ports[0] + "/2015-03-31/functions/function/invocations"}
	o.process = exec.Command(emulator, "--runtime-interface-emulator-address", ports[0], "--runtime-api-address", ports[1], function)
	o.process.Stdout, o.process.Stderr = &o.log, &o.log
	if err := o.process.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		if _, err = o.invoke(`{"name":"you"}`); err == nil {
			return o, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	o.close()
	return nil, fmt.Errorf("the official emulator does not answer: %w", err)
}

// reported finds the Durations of REPORT lines, whose fields that emulator
// prints in an order of its own.
var reported = regexp.MustCompile(`\tDuration: ([0-9.]+) ms`)

// invoke returns the Duration that the emulator reports.
func (o *official) invoke(event string) (time.Duration, error) {
	before := len(reported.FindAllString(o.log.String(), -1))
	answer, err := http.Post(o.url, "application/json", strings.NewReader(event))
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	for range 100 {
		if all := reported.FindAllStringSubmatch(o.log.String(), -1); len(all) > before {
			ms, err := strconv.ParseFloat(all[len(all)-1][1], 64)
			return time.Duration(ms * float64(time.Millisecond)), err
		}
		time.Sleep(time.Millisecond)
	}
	return 0, errors.New("no REPORT line")
}

func (o *official) close() {
	_ = o.process.Process.Kill()
	_ = o.process.Wait()
}

// freePorts returns loopback addresses that nothing listens on.
func freePorts(n int) ([]string, error) {
	var all []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all, nil
}
