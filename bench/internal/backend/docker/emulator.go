package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/runtimeapi"
)

type emulator struct {
	engine *Engine
	id     string
	image  *emulatorImage
	attach client.ContainerAttachResult
	client *runtimeapi.StdioClient
	hello  runtimeapi.StdioHello
	stderr localenv.Output
	gone   *removal

	mu      sync.Mutex
	machine *machine // the one that is open; nil for none
	// last is the greatest number of a process that was asked for.
	last int

	closing sync.Once
	failed  error
}

var _ runtimeapi.StdioHost = (*emulator)(nil)

// startEmulator replaces a volume that another run was stopped while filling.
func (e *Engine) startEmulator(ctx context.Context, img *emulatorImage) (*emulator, error) {
	imageID, err := e.emulatorImageOf(ctx, img)
	if err != nil {
		return nil, engineFailure(ctx, err)
	}
	for attempt := 1; ; attempt++ {
		m, err := e.tryEmulator(ctx, img, imageID)
		if err != nil {
			return nil, engineFailure(ctx, err)
		}
		if m.hello.StartDigest == img.startDigest {
			return m, nil
		}
		err = fmt.Errorf("the volume %s holds another images/start than it should", img.volume)
		if closeErr := m.close(); closeErr != nil {
			return nil, engineFailure(ctx, errors.Join(err, closeErr))
		}
		if _, removeErr := e.cli.VolumeRemove(ctx, img.volume, client.VolumeRemoveOptions{}); removeErr != nil || attempt == 2 {
			return nil, engineFailure(ctx, advice.Hint(errors.Join(err, removeErr), "docker volume rm "+img.volume))
		}
	}
}

// emulatorImageOf returns the ID of the emulator's image, loaded if need be.
func (e *Engine) emulatorImageOf(ctx context.Context, img *emulatorImage) (string, error) {
	for _, load := range []bool{true, false} {
		found, err := e.inspectImage(ctx, img.tag)
		if err == nil {
			return found.ID, nil
		}
		if !errdefs.IsNotFound(err) || !load {
			return "", fmt.Errorf("looking for the emulator's image: %w", err)
		}
		r, w := io.Pipe()
		go func() { w.CloseWithError(img.writeTo(w)) }()
		err = e.Load(ctx, r)
		r.Close()
		if err != nil {
			return "", fmt.Errorf("loading the emulator's image: %w", err)
		}
	}
	panic("unreachable")
}

func (e *Engine) tryEmulator(ctx context.Context, img *emulatorImage, imageID string) (m *emulator, err error) {
	call, cancel := context.WithTimeoutCause(ctx, callTimeout, errSilent)
	defer cancel()
	if _, err := e.cli.VolumeCreate(call, client.VolumeCreateOptions{
		Name: img.volume, Labels: map[string]string{labelRole: roleStart},
	}); err != nil {
		return nil, fmt.Errorf("making the volume of images/start: %w", err)
	}
	m = &emulator{engine: e, image: img}
	created, err := e.cli.ContainerCreate(call, client.ContainerCreateOptions{
		Name: e.name("emulator", newRunID()[:4]),
		Config: &container.Config{
			Image:        imageID,
			Entrypoint:   []string{"/rie", "--stdio"},
			User:         "0:0",
			OpenStdin:    true,
			StdinOnce:    true,
			AttachStdin:  true,
			AttachStdout: true,
			AttachStderr: true,
			Labels:       e.labels(roleEmulator),
		},
		HostConfig: &container.HostConfig{
			AutoRemove:     true,
			NetworkMode:    container.NetworkMode(e.options.Network),
			IpcMode:        container.IPCModeNone,
			ReadonlyRootfs: true,
			CapDrop:        []string{"ALL"},
			// KILL ends the function's processes, SYS_PTRACE shows their cgroup.
			CapAdd:      []string{"KILL", "SYS_PTRACE"},
			SecurityOpt: []string{"no-new-privileges"},
			LogConfig:   container.LogConfig{Type: "none"},
			// The containers that join its network get its /etc/hosts, too.
			ExtraHosts: []string{loopbackName + ":127.0.0.1"},
			// The engine copies the image's file at this path into an empty volume.
			Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: img.volume, Target: startFolder}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the emulator container: %w", err)
	}
	m.id = created.ID
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	m.attach, err = e.cli.ContainerAttach(call, m.id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return m, fmt.Errorf("attaching to the emulator container: %w", err)
	}
	m.gone = e.awaitRemoval(m.id)
	if _, err := e.cli.ContainerStart(call, m.id, client.ContainerStartOptions{}); err != nil {
		err = fmt.Errorf("starting the emulator container: %w", err)
		if e.options.Network == "bridge" {
			err = advice.Hint(err, "try --network none")
		}
		return m, err
	}
	r, w := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(w, m.stderr.Stream(), m.attach.Reader)
		w.CloseWithError(err) // nil: io.EOF
	}()
	m.client = runtimeapi.NewStdioClient(r, m.attach.Conn, m)
	go func() {
		// A client that gave up on what it read must not stop the copy.
		<-m.client.Done()
		r.Close()
	}()
	if m.hello, err = m.client.Hello(call); err != nil {
		return m, fmt.Errorf("waiting for the emulator: %w", m.explain(err))
	}
	if !m.hello.Processes {
		e.warn("memory not measured: the emulator can't see the function's processes")
	}
	e.options.Log("emulator container " + m.id[:12] + " on network " + e.options.Network)
	return m, nil
}

// explain adds what the emulator wrote to stderr to an error of the connection.
func (m *emulator) explain(err error) error {
	if errors.Is(err, runtimeapi.ErrStdioClosed) {
		if said := m.stderr.String(); said != "" {
			return fmt.Errorf("%w: %s", err, said)
		}
		return advice.Hint(fmt.Errorf("the engine or the emulator container has gone: %w", err), "check the engine with: docker info")
	}
	return err
}

func (m *emulator) lives() bool {
	select {
	case <-m.client.Done():
		return false
	default:
		return true
	}
}

func (m *emulator) take(mac *machine) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.machine != nil && m.machine != mac {
		return errors.New("another environment of this engine is open")
	}
	mac.emulator, mac.after = m, m.last
	m.machine = mac
	return nil
}

func (m *emulator) release(mac *machine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.machine == mac {
		m.machine = nil
	}
}

// owner returns the machine of a process. A late request is not the next machine's.
func (m *emulator) owner(process int) (*machine, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = max(m.last, process)
	if m.machine == nil || process <= m.machine.after {
		return nil, errClosed
	}
	return m.machine, nil
}

var errClosed = errors.New("the environment is closed")

// Launch makes the container that the emulator asks for.
func (m *emulator) Launch(ctx context.Context, l runtimeapi.StdioLaunch) error {
	mac, err := m.owner(l.Process)
	if err != nil {
		return err
	}
	return mac.launch(ctx, l)
}

// Kill ends a container of the machine that is open.
func (m *emulator) Kill(ctx context.Context, process int) error {
	mac, err := m.owner(process)
	if err != nil {
		return nil // its machine has ended it
	}
	return mac.kill(ctx, process)
}

// Output takes what the function of the open environment wrote.
func (m *emulator) Output(text []byte, end bool) {
	m.mu.Lock()
	mac := m.machine
	m.mu.Unlock()
	if mac == nil {
		return
	}
	_, _ = mac.lines.Write(text)
	if end {
		mac.lines.Flush()
	}
}

// close ends the container: its stdin ends, it exits, the engine removes it.
func (m *emulator) close() error {
	ctx := m.engine.options.Closing
	m.closing.Do(func() {
		if m.attach.Conn != nil {
			_ = m.attach.CloseWrite()
			if m.gone != nil && m.gone.wait(ctx, exitGrace) {
				m.attach.Close()
				return
			}
			m.attach.Close()
		}
		m.failed = m.engine.remove(m.id, m.gone)
	})
	return m.failed
}

// exitGrace is how long an ending container is left to itself before it is removed.
const exitGrace = 3 * time.Second
