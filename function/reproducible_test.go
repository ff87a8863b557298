package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// checkout copies what make function needs into a folder of its own and makes
// that a git repository.
func checkout(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"Makefile", "go.mod", "go.sum"} {
		copyFile(t, filepath.Join("..", name), filepath.Join(dir, name))
	}
	for _, pattern := range []string{"*.go", "started/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files match %s: %v", pattern, err)
		}
		for _, f := range files {
			copyFile(t, f, filepath.Join(dir, "function", f))
		}
	}
	run(t, dir, "git", "init", "-q")
	commit(t, dir, "first")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, dir, message string) {
	t.Helper()
	run(t, dir, "git", "add", "-A")
	run(t, dir, "git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "-q", "--allow-empty", "-m", message)
}

// run runs a command with none of the Go settings of whoever tests.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOENV=off", "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, b)
	}
}

// The function's bytes, and with them the identity of every image, must not
// change with the folder, the umask, a commit of something else, or the user's
// Go settings.
func TestMakeBuildsTheSameBinaryEverywhere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs make and a umask")
	}
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "elsewhere", "b")
	checkout(t, first)
	checkout(t, second)
	target := ".build/function/" + runtime.GOARCH + "/bootstrap"
	run(t, first, "sh", "-c", "umask 022 && make -s "+target)
	if err := os.WriteFile(filepath.Join(second, "NOTES"), []byte("unrelated\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	commit(t, second, "second")
	run(t, second, "sh", "-c", "umask 077 && make -s "+target)

	compare(t, filepath.Join(first, target), filepath.Join(second, target))

	// And once more in the first folder, after a commit there.
	before, err := os.ReadFile(filepath.Join(first, target))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, first, "third")
	run(t, first, "make", "-s", target)
	after, err := os.ReadFile(filepath.Join(first, target))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the binary changed with a commit (%v)", err)
	}
}

// compare fails where two binaries differ in bytes or mode.
func compare(t *testing.T, a, b string) {
	t.Helper()
	var bytesOf [2][]byte
	for i, path := range []string{a, b} {
		var err error
		if bytesOf[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o755 {
			t.Errorf("%s has mode %v, want 0755 whatever the umask", path, info.Mode().Perm())
		}
	}
	if len(bytesOf[0]) < 1<<20 || !bytes.Equal(bytesOf[0], bytesOf[1]) {
		t.Errorf("the binaries differ: %d and %d bytes", len(bytesOf[0]), len(bytesOf[1]))
	}
}
