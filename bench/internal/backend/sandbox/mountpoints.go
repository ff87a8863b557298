package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
)

// MountPoints makes what a sandbox mounts something on, in a folder that has none
// of it: dev, etc/hosts, proc, sys and tmp.
func MountPoints(root string) error {
	for _, name := range []string{"dev", "etc", "proc", "sys", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "etc", "hosts"), nil, 0o644); err != nil {
		return fmt.Errorf("making a mount point: %w", err)
	}
	return nil
}
