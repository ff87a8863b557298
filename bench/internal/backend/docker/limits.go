package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/coldstart"
)

type limits struct {
	cpu, memory, processes bool
}

type libpodInfo struct {
	Host struct {
		CgroupControllers []string `json:"cgroupControllers"`
		Security          struct {
			Rootless bool `json:"rootless"`
		} `json:"security"`
	} `json:"host"`
	Store libpodStore `json:"store"`
}

// delegated leaves a Podman without root the limits of its cgroup controllers.
func (l limits) delegated(info libpodInfo) limits {
	if !info.Host.Security.Rootless {
		return l
	}
	l.cpu = l.cpu && slices.Contains(info.Host.CgroupControllers, "cpu")
	l.memory = l.memory && slices.Contains(info.Host.CgroupControllers, "memory")
	l.processes = l.processes && slices.Contains(info.Host.CgroupControllers, "pids")
	return l
}

func (e *Engine) findLimits(ctx context.Context) {
	i := e.facts.info
	e.limits = limits{cpu: i.CPUCfsQuota && i.CPUCfsPeriod, memory: i.MemoryLimit, processes: i.PidsLimit}
	if e.facts.product == "podman" {
		// Its Docker-compatible answer claims every limit.
		e.podman = e.libpodInfo(ctx)
		e.limits = e.limits.delegated(e.podman)
	}
	if !e.limits.cpu {
		e.warn("not CPU-limited: this engine has no CPU quota to give")
	}
	if !e.limits.memory {
		e.warn("not memory-limited: this engine has no memory limit to give")
	}
	if e.limits.cpu {
		e.updater = e.findUpdater(ctx)
		if e.updater == nil {
			e.limits.cpu = false
			e.warn("not CPU-limited: this engine can't change the quota of a running container")
		}
	}
}

// Limits says how an environment is limited under these options.
func (e *Engine) Limits(o coldstart.Options) coldstart.Limits {
	l := coldstart.Limits{CPU: "quota", Memory: "limit", MaxMemoryUsed: "process-peak"}
	switch {
	case !o.LimitCPU:
		l.CPU = "not limited: as asked"
	case !e.limits.cpu:
		l.CPU = "not limited: the engine can't"
	}
	if !e.limits.memory {
		l.Memory = "not limited: the engine can't"
	}
	return l
}

// updater changes the CPU quota of a running container and keeps the period.
type updater func(ctx context.Context, id string, period, quota int64) error

// findUpdater tries the two ways to change a quota on a container that does not exist: an
// engine that has the call answers "no such container", one that lacks it "no such path".
func (e *Engine) findUpdater(ctx context.Context) updater {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errSilent)
	defer cancel()
	if e.facts.product != "podman" {
		return e.updateDocker
	}
	for _, u := range []updater{e.updateDocker, e.updateLibpod} {
		err := u(ctx, "coldbench-no-such-container", 20000, 40000)
		if err != nil && isNoSuchContainer(err) {
			return u
		}
	}
	return nil
}

func (e *Engine) updateDocker(ctx context.Context, id string, period, quota int64) error {
	_, err := e.cli.ContainerUpdate(ctx, id, client.ContainerUpdateOptions{
		Resources: &container.Resources{CPUPeriod: period, CPUQuota: quota},
	})
	return err
}

// updateLibpod is for Podman versions whose Docker-compatible API lacks the update.
func (e *Engine) updateLibpod(ctx context.Context, id string, period, quota int64) error {
	body, err := json.Marshal(map[string]any{"cpu": map[string]int64{"period": period, "quota": quota}})
	if err != nil {
		return err
	}
	resp, err := e.libpod(ctx, http.MethodPost, "containers/"+id+"/update", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("updating container: %s: %s", resp.Status, bytes.TrimSpace(text))
	if resp.StatusCode == http.StatusNotFound {
		return errdefs.ErrNotFound.WithMessage(err.Error())
	}
	return err
}

// libpod calls Podman's own API, for what the Docker API lacks.
func (e *Engine) libpod(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://podman/v4.0.0/libpod/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	dial := e.cli.Dialer()
	client := http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}}
	return client.Do(req)
}

// libpodInfo asks Podman's own API; where it does not answer, nothing is known.
func (e *Engine) libpodInfo(ctx context.Context) libpodInfo {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errSilent)
	defer cancel()
	var info libpodInfo
	resp, err := e.libpod(ctx, http.MethodGet, "info", nil)
	if err != nil {
		return libpodInfo{}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&info) != nil {
		return libpodInfo{}
	}
	return info
}
