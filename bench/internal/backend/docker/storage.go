package docker

import (
	"path"
	"slices"

	"coldbench/bench/internal/coldstart"
)

// Facts describes the engine. Podman says "overlay" with and without a FUSE program: then the
// driver is named by the program.
func (e *Engine) Facts() coldstart.EngineFacts {
	i := e.facts.info
	f := coldstart.EngineFacts{StorageDriver: i.Driver, CgroupDriver: i.CgroupDriver, Runtime: i.DefaultRuntime}
	rootless := slices.Contains(i.SecurityOptions, "name=rootless")
	if e.facts.product == "podman" {
		f.StorageDriver = e.podman.Store.driver()
		rootless = rootless || e.podman.Host.Security.Rootless
	}
	f.Rootless = &rootless
	return f
}

type libpodStore struct {
	GraphDriverName string         `json:"graphDriverName"`
	GraphOptions    map[string]any `json:"graphOptions"`
}

// driver names the storage driver; empty if Podman did not answer.
func (s libpodStore) driver() string {
	for _, key := range []string{"overlay.mount_program", "vfs.mount_program"} {
		switch program := s.GraphOptions[key].(type) {
		case string:
			return path.Base(program)
		case map[string]any:
			name, _ := program["Executable"].(string)
			return path.Base(name)
		}
	}
	return s.GraphDriverName
}

// storageWarning says what a slow storage driver does to init; empty for the others. The
// figures are from 15 cold starts of an Amazon Linux image on one machine.
func storageWarning(f coldstart.EngineFacts) (text, hint string) {
	if f.Storage() != coldstart.SlowStorage {
		return "", ""
	}
	text = "storage driver " + f.StorageDriver + ": "
	switch f.StorageDriver {
	case "fuse-overlayfs":
		text += "a new user-space process reads the image for each container, with nothing cached; init took 33 ms in a trial, 5 with overlay2, so that variants rank by what the driver does"
	case "vfs", "native":
		text += "each container gets a copy of the whole image, and init reads files just written: the first took 31 ms in a trial, later ones 4 to 8, 5 with overlay2"
	default:
		text += "each container reads the image from a block device of its own, with nothing cached; init took 33 ms in a trial of fuse-overlayfs, which caches nothing either, 5 with overlay2"
	}
	return text, "use an engine with overlay2, or --engine sandbox"
}
