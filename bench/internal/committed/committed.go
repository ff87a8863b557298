// Package committed gives tests the files of the repository's last commit, so
// that a user's own runs, and other changes since then, can't fail them.
package committed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
)

// Files copies files and folders as of HEAD into a temporary folder and returns
// it. Root is the top folder of the repository, paths are relative to it. Without
// git, e.g. in a source tarball, the test is skipped; BENCH_REQUIRE=git fails it.
func Files(t testing.TB, root string, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	backendtest.Require(t, "git", export(root, dir, paths))
	return dir
}

// export unpacks paths of HEAD into dir.
func export(root, dir string, paths []string) error {
	gitDir, err := output(exec.Command("git", "-C", root, "rev-parse", "--absolute-git-dir"))
	if err != nil {
		return fmt.Errorf("looking for the repository: %w", err)
	}
	// go test caches a result until a file that the test itself opened changes.
	for _, name := range []string{"HEAD", "logs/HEAD", "packed-refs"} {
		_, _ = os.ReadFile(filepath.Join(strings.TrimSpace(string(gitDir)), name))
	}
	archive, err := output(exec.Command("git", append([]string{"-C", root, "archive", "--format=tar", "HEAD", "--"}, paths...)...))
	if err != nil {
		return fmt.Errorf("reading the last commit: %w", err)
	}
	tar := exec.Command("tar", "-x", "-C", dir)
	tar.Stdin = bytes.NewReader(archive)
	if _, err := output(tar); err != nil {
		return fmt.Errorf("unpacking the last commit: %w", err)
	}
	return nil
}

// output runs a command; its error holds what the command wrote to stderr.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return out, err
}
