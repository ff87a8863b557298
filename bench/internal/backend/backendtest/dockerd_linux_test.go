package backendtest_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
)

// dockerdHolder makes the test binary a process that starts an engine, prints
// its folder and waits to be killed.
const dockerdHolder = "BENCH_TEST_HOLDS_DOCKERD"

func TestDockerdHolder(t *testing.T) {
	if os.Getenv(dockerdHolder) == "" {
		t.Skip("for TestDockerdEndsWithItsProcess")
	}
	d, err := backendtest.StartDockerd()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("\nfolder " + folderOf(d.Host()) + "\n")
	time.Sleep(time.Minute)
}

func folderOf(host string) string { return filepath.Dir(strings.TrimPrefix(host, "unix://")) }

// traces lists the processes and mounts of an engine.
func traces(t *testing.T, folder string) (out []string) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(commands) == 0 {
		t.Fatalf("no processes in /proc: %v", err)
	}
	for _, path := range append(commands, "/proc/self/mountinfo") {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), folder) {
			out = append(out, path)
		}
	}
	return out
}

func TestDockerdLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an engine")
	}
	d, err := backendtest.StartDockerd()
	backendtest.Require(t, "overlay2", err)
	folder := folderOf(d.Host())
	if got := traces(t, folder); len(got) == 0 {
		t.Errorf("no process mentions %s", folder)
	}
	for range 2 {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	}
	if got := traces(t, folder); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestDockerdEndsWithItsProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an engine")
	}
	d, err := backendtest.StartDockerd()
	backendtest.Require(t, "overlay2", err)
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestDockerdHolder$", "-test.v")
	cmd.Env = append(os.Environ(), dockerdHolder+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var folder string
	for lines := bufio.NewScanner(out); folder == "" && lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "folder "); ok {
			folder = name
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if folder == "" {
		t.Fatal("the holder started no engine")
	}
	defer os.RemoveAll(folder)
	for range 100 {
		if len(traces(t, folder)) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("left: %q", traces(t, folder))
}
