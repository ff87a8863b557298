package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coldbench/bench/internal/coldstart"
)

// rootMount returns the file system type that the function sees at "/", and whether a
// file there has the device number of its folder, as in a container.
func rootMount(t *testing.T, e *Engine, img coldstart.Image) (fs string, oneDevice bool) {
	t.Helper()
	var s seen
	answer(t, invoke(t, started(t, e, img, 256, coldstart.Options{}), `{}`), &s)
	_, fs, _ = strings.Cut(s.Mounts[0], " - ")
	fs, _, _ = strings.Cut(fs, " ")
	return fs, s.Devices[0] == s.Devices[1]
}

// TestRootIsAnOverlay: each environment has a fresh overlay of the image's root,
// whatever characters its path holds.
func TestRootIsAnOverlay(t *testing.T) {
	e := engine(t)
	for _, name := range []string{"plain", `a:b,c\d=e f`} {
		img := unpack(t, "probe")
		moved := filepath.Join(filepath.Dir(img.Root), name)
		if err := os.Rename(img.Root, moved); err != nil {
			t.Fatal(err)
		}
		img.Root = moved
		if fs, one := rootMount(t, e, img); fs != "overlay" || !one {
			t.Errorf("root %q is mounted as %q, one device %t, want an overlay of one", name, fs, one)
		}
	}
	if got := e.Facts().StorageDriver; got != "overlayfs" || strings.Contains(strings.Join(e.Warnings(), "\n"), "bind-mounted") {
		t.Errorf("storage driver %q, warnings %q", got, e.Warnings())
	}
}

// TestRootThatCannotBeAnOverlay: the kernel stacks two overlays at most. An image
// whose root is on the second is bind-mounted, and a warning says what that does.
func TestRootThatCannotBeAnOverlay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting overlays needs root")
	}
	e := engine(t)
	img := unpack(t, "probe")
	// Overlays are stacked until the kernel refuses one: it must refuse the sandbox's, too.
	for {
		dir := filepath.Join(t.TempDir(), "root")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		openUp(t, dir)
		if err := unix.Mount("overlay", dir, "overlay", unix.MS_RDONLY, "lowerdir="+img.Root+":"+t.TempDir()); err != nil {
			break
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		img.Root = dir
	}
	if fs, _ := rootMount(t, e, img); fs != "overlay" { // the test's own
		t.Errorf("the root is mounted as %q", fs)
	}
	if got := e.Facts().StorageDriver; got != "bind mount" {
		t.Errorf("storage driver %q, want a bind mount", got)
	}
	if w := strings.Join(e.Warnings(), "\n"); strings.Count(w, "images are bind-mounted") != 1 {
		t.Errorf("warnings %q", w)
	}
}
