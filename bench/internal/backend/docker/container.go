package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/runtimeapi"
)

const (
	// functionUser is Lambda's: user sbx_user1051, group 990.
	functionUser = "993:990"
	// Lambda's limits of open files, and of processes and threads.
	openFiles, processLimit = 1024, 1024
)

type removal struct {
	done chan struct{}
	// code and err are valid after done is closed; err is set if no answer came.
	code int
	err  error
}

// awaitRemoval returns when the engine waits for a container's removal, so that one that
// is started afterwards can't be missed.
func (e *Engine) awaitRemoval(id string) *removal {
	r := &removal{done: make(chan struct{})}
	wait := e.cli.ContainerWait(e.options.Closing, id, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	go func() {
		defer close(r.done)
		select {
		case answer := <-wait.Result:
			r.code = int(answer.StatusCode)
			if answer.Error != nil && answer.Error.Message != "" {
				r.err = errors.New(answer.Error.Message)
			}
		case err := <-wait.Error:
			if !errdefs.IsNotFound(err) {
				r.err = err
			}
		}
	}()
	return r
}

func (r *removal) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.err == nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// remove returns when a container is gone. gone is nil if nobody waits for it.
func (e *Engine) remove(id string, gone *removal) error {
	if id == "" || gone != nil && gone.wait(e.options.Closing, 0) {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(e.options.Closing, callTimeout, errSilent)
	defer cancel()
	_, err := e.cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case errdefs.IsNotFound(err):
		return nil
	case err != nil && !(errdefs.IsConflict(err) && strings.Contains(err.Error(), "removal")): // a second removal
		return unremoved(id, causeOf(ctx, err))
	case gone == nil && err == nil:
		return nil
	case gone == nil:
		gone = e.awaitRemoval(id)
	}
	if !gone.wait(ctx, callTimeout) {
		err := cmp.Or(gone.err, fmt.Errorf("it is still there after %v", callTimeout))
		return unremoved(id, causeOf(e.options.Closing, err))
	}
	return nil
}

// unremoved says what to do in the error's text, because a warning has no hint.
func unremoved(id string, err error) error {
	return fmt.Errorf("removing container %.12s: %w (the next run removes it, or docker rm -f %.12[1]s)", id, err)
}

// isNoSuchContainer tells a container that is not there from a path that is not.
func isNoSuchContainer(err error) bool {
	text := strings.ToLower(err.Error())
	return errdefs.IsNotFound(err) && strings.Contains(text, "no such container") || strings.Contains(text, "no container with name or id")
}

type process struct {
	number int
	// launched is closed when launch is over; the rest is valid then.
	launched chan struct{}
	id       string
	gone     *removal
	killed   atomic.Bool // bench or the emulator wanted its end
}

// loopbackName is Lambda's name for an environment's own loopback.
const loopbackName = "sandbox.localdomain"

func (m *machine) spec(em *emulator, l runtimeapi.StdioLaunch) client.ContainerCreateOptions {
	e := m.engine
	env := m.function.Environ(localenv.EnvironmentOf(m.img, m.options), em.hello.API)
	argv := append([]string{"unix:" + l.Control}, withoutEngines(env)...)
	argv = append(argv, m.img.Entrypoint...)
	argv = append(argv, m.img.Command...)
	host := &container.HostConfig{
		AutoRemove:     true,
		NetworkMode:    container.NetworkMode("container:" + em.id),
		PidMode:        container.PidMode("container:" + em.id),
		IpcMode:        container.IPCModeNone, // Lambda has no /dev/shm either
		ReadonlyRootfs: true,
		CapDrop:        []string{"ALL"},
		SecurityOpt:    []string{"no-new-privileges"},
		LogConfig:      container.LogConfig{Type: "none"},
		Tmpfs:          map[string]string{"/tmp": "rw,exec,nosuid,nodev,size=512m,mode=1777"},
		Mounts: []mount.Mount{{
			Type: mount.TypeVolume, Source: em.image.volume, Target: startFolder, ReadOnly: true,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true},
		}},
		Resources: container.Resources{
			Ulimits: []*container.Ulimit{{Name: "nofile", Soft: openFiles, Hard: openFiles}},
		},
	}
	// Docker shares the emulator's /etc/hosts and refuses another name.
	hostname := ""
	if e.facts.product == "podman" {
		hostname = loopbackName // Podman writes an /etc/hosts for each container
		// Left to itself, it asks for more processes than a machine may let it.
		host.Ulimits = append(host.Ulimits, &container.Ulimit{Name: "nproc", Soft: processLimit, Hard: processLimit})
	}
	if limit := int64(processLimit); e.limits.processes {
		host.PidsLimit = &limit
	}
	if e.limits.memory {
		host.Memory = int64(m.config.MemoryMB) << 20
		host.MemorySwap = host.Memory
	}
	if m.quota.Period != 0 {
		host.CPUPeriod = m.quota.Period
		host.CPUQuota = m.quota.Init
		if l.Phase == runtimeapi.PhaseInvoke {
			host.CPUQuota = m.quota.Invoke
		}
	}
	return client.ContainerCreateOptions{
		Name: e.name("function", newRunID()),
		Config: &container.Config{
			Hostname:     hostname,
			Image:        m.image,
			Entrypoint:   []string{startPath},
			Cmd:          argv,
			Env:          env,
			WorkingDir:   cmp.Or(m.img.WorkingDir, "/"),
			User:         functionUser,
			AttachStdout: true,
			AttachStderr: true,
			Labels:       e.labels(roleFunction),
			Healthcheck:  &container.HealthConfig{Test: []string{"NONE"}},
		},
		HostConfig: host,
	}
}

// withoutEngines tells images/start to take out variables that engines add to Lambda's.
func withoutEngines(env []string) []string {
	var words []string
	for _, name := range []string{"HOME", "HOSTNAME", "TERM", "container"} {
		if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }) {
			words = append(words, "-"+name)
		}
	}
	return append(words, "--")
}

// start makes and starts the container of p, which holds what to remove, also after an error.
func (m *machine) start(ctx context.Context, em *emulator, p *process, l runtimeapi.StdioLaunch) error {
	cli := m.engine.cli
	// Only the engine's answer tells the container's ID, and with it what to remove.
	call, cancel := context.WithTimeoutCause(m.engine.options.Closing, callTimeout, errSilent)
	defer cancel()
	created, err := cli.ContainerCreate(call, m.spec(em, l))
	if err != nil {
		return fmt.Errorf("making container: %w", causeOf(call, err))
	}
	p.id = created.ID
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.gone = m.engine.awaitRemoval(p.id)
	if _, err := cli.ContainerStart(call, p.id, client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("starting container: %w", causeOf(call, err))
	}
	go m.tellEnd(em, p)
	return nil
}

func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (m *machine) tellEnd(em *emulator, p *process) {
	<-p.gone.done
	exit := exitOf(p.gone.code)
	if exit.Signal == 9 && !p.killed.Load() {
		exit.OutOfMemory = m.engine.ranOutOfMemory(p.id)
	}
	_ = em.client.Exited(runtimeapi.StdioExit{Process: p.number, Exit: exit})
}

func exitOf(code int) runtimeapi.Exit {
	e := runtimeapi.Exit{Code: code}
	if code > 128 && code < 128+65 {
		e.Signal = code - 128
	}
	return e
}

// ranOutOfMemory asks the engine's events whether a container was killed at its memory
// limit, for where the emulator can't read the cgroup itself.
func (e *Engine) ranOutOfMemory(id string) bool {
	ctx, cancel := context.WithTimeoutCause(context.Background(), callTimeout, errSilent)
	defer cancel()
	now := time.Now()
	events := e.cli.Events(ctx, client.EventsListOptions{
		Since: fmt.Sprint(now.Add(-time.Hour).Unix()), Until: fmt.Sprint(now.Unix() + 1),
		Filters: client.Filters{}.Add("container", id).Add("event", "oom"),
	})
	select {
	case <-events.Messages:
		return true
	case <-events.Err:
	case <-ctx.Done():
	}
	return false
}
