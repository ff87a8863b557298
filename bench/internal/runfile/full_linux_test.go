package runfile

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// On a disk of 64 KB that is full, the samples up to then are in the file, and
// nothing else is.
func TestRealFullDisk(t *testing.T) {
	if dir := os.Getenv("RUNFILE_FULL_DISK"); dir != "" {
		fill(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRealFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), "RUNFILE_FULL_DISK="+t.TempDir())
	// A mount namespace of the child's own: the mount ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Skipf("no user namespaces here: %v", err)
	}
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case !bytes.Contains(out, []byte("--- PASS")):
		t.Skipf("no mounts here:\n%s", out)
	}
}

func fill(t *testing.T, dir string) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(dir, "r.jsonl")
	w, err := Create(path, header())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 1000; n++ {
		if err = w.Sample(sample(n + 1)); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || n < 20 {
		t.Fatalf("%d samples, then %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run := open(t, path)
	st, err := os.Stat(path)
	if err != nil || len(run.Samples) != n || st.Size() != run.Whole {
		t.Errorf("%d samples of %d in %d whole bytes of %d, %v", len(run.Samples), n, run.Whole, st.Size(), err)
	}
	if w, err := Create(filepath.Join(dir, "other.jsonl"), header()); err == nil {
		// The rest of the last page may have had room for a header.
		w.Close()
	} else if _, serr := os.Stat(filepath.Join(dir, "other.jsonl")); !errors.Is(err, syscall.ENOSPC) || !os.IsNotExist(serr) {
		t.Errorf("no room for a header: %v, %v", err, serr)
	}
	// With room again the run goes on.
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	w, _, err = Resume(path, header(), day)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Sample(sample(n+1)), w.End(day, StoppedPlan, nil), w.Close()); err != nil {
		t.Fatal(err)
	}
	if run := open(t, path); len(run.Samples) != n+1 || len(run.Warnings) != 0 {
		t.Errorf("%d samples, %q", len(run.Samples), run.Warnings)
	}
}
