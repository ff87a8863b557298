package docker

import (
	"context"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/backendtest"
)

// TestFactsAndStorageWarning: one warning for a slow driver, in the run's header
// and in doctor, and none for the kernel's own.
func TestFactsAndStorageWarning(t *testing.T) {
	libpod := func(driver string, options map[string]any) map[string]any {
		return map[string]any{
			"host":  map[string]any{"security": map[string]any{"rootless": true}, "cgroupControllers": []string{"cpu", "memory", "pids"}},
			"store": map[string]any{"graphDriverName": driver, "graphOptions": options},
		}
	}
	program := map[string]any{"Executable": "/usr/bin/fuse-overlayfs", "Package": "fuse-overlayfs_1.10-1_amd64"}
	for name, c := range map[string]struct {
		driver  string
		podman  map[string]any // of its own API; nil for no answer
		product string
		want    string
		warned  string // in the warning; empty for none
	}{
		"overlay2":                     {driver: "overlay2", want: "overlay2"},
		"containerd's image store":     {driver: "overlayfs", want: "overlayfs"},
		"fuse-overlayfs":               {driver: "fuse-overlayfs", want: "fuse-overlayfs", warned: "init took 33 ms in a trial, 5 with overlay2"},
		"vfs":                          {driver: "vfs", want: "vfs", warned: "a copy of the whole image"},
		"containerd's copies":          {driver: "native", want: "native", warned: "a copy of the whole image"},
		"devicemapper":                 {driver: "devicemapper", want: "devicemapper", warned: "a block device of its own"},
		"none named":                   {},
		"podman, kernel":               {driver: "overlay", product: "Podman Engine", podman: libpod("overlay", nil), want: "overlay"},
		"podman, FUSE":                 {driver: "overlay", product: "Podman Engine", podman: libpod("overlay", map[string]any{"overlay.mount_program": program}), want: "fuse-overlayfs", warned: "33 ms"},
		"podman, FUSE, older":          {driver: "overlay", product: "Podman Engine", podman: libpod("overlay", map[string]any{"overlay.mount_program": "/usr/bin/fuse-overlayfs"}), want: "fuse-overlayfs", warned: "33 ms"},
		"podman that tells no options": {driver: "overlay", product: "Podman Engine"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t)
			f.info["Driver"], f.info["CgroupDriver"], f.info["DefaultRuntime"] = c.driver, "systemd", "crun"
			if c.product != "" {
				f.product = c.product
			}
			if c.podman != nil {
				f.on("GET /v4.0.0/libpod/info", says(200, c.podman))
			}
			e := f.connected()
			got := e.Facts()
			if got.StorageDriver != c.want || got.CgroupDriver != "systemd" || got.Runtime != "crun" || got.Rootless == nil || *got.Rootless != (c.podman != nil) {
				t.Errorf("facts %+v, rootless %v; want storage driver %q", got, *got.Rootless, c.want)
			}
			about := slices.DeleteFunc(e.Warnings(), func(w string) bool { return !strings.Contains(w, "storage driver") })
			found := slices.DeleteFunc(Check(context.Background()), func(f advice.Finding) bool {
				return f.Severity != advice.Warning || !strings.Contains(f.Text, "storage driver")
			})
			if c.warned == "" {
				if len(about)+len(found) > 0 {
					t.Errorf("warned: %q, %v", about, found)
				}
				return
			}
			if len(about) != 1 || !strings.Contains(about[0], c.warned) || !strings.HasSuffix(about[0], "use an engine with overlay2, or --engine sandbox") {
				t.Errorf("warnings %q, want one with %q", about, c.warned)
			}
			if len(found) != 1 || !strings.Contains(found[0].Text, c.warned) || found[0].Hint == "" {
				t.Errorf("findings %+v, want one with %q", found, c.warned)
			}
		})
	}
}

func TestFactsOfRootlessDocker(t *testing.T) {
	f := newFakeAPI(t)
	f.info["SecurityOptions"] = []string{"name=seccomp,profile=default", "name=rootless"}
	if got := f.connected().Facts(); got.Rootless == nil || !*got.Rootless {
		t.Errorf("%+v is not rootless", got)
	}
}

// TestFactsOfPrivateEngine holds the facts against an engine that was started
// with a storage driver and a cgroup driver of our choice.
func TestFactsOfPrivateEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an engine")
	}
	t.Setenv("DOCKER_HOST", backendtest.Overlay2(t))
	e := connect(t, Options{})
	f := e.Facts()
	if f.StorageDriver != "overlay2" || f.CgroupDriver != "cgroupfs" || f.Runtime == "" || f.Rootless == nil || *f.Rootless {
		t.Errorf("facts %+v", f)
	}
	if w := e.Warnings(); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
}
