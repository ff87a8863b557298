package committed

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	args = append([]string{"-C", dir, "-c", "user.name=Test", "-c", "user.email=test@example.com"}, args...)
	if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
		t.Skipf("git is missing: %v\n%s", err, out)
	}
}

func TestExportReadsTheLastCommitOnly(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("results/local.md", "committed")
	git(t, root, "init", "-q")
	git(t, root, "add", "-A")
	git(t, root, "commit", "-q", "-m", "first")
	write("results/local.md", "measured since")
	write("results/runs/new.jsonl", "measured since")
	git(t, root, "add", "-A")

	if err := export(root, dir, []string{"results"}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "results", "local.md")); string(got) != "committed" {
		t.Errorf("local.md holds %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "results", "runs")); !os.IsNotExist(err) {
		t.Errorf("a run that was never committed is exported: %v", err)
	}
	if err := export(root, dir, []string{"nowhere"}); err == nil {
		t.Error("no error for a path that no commit has")
	}
}

func TestExportNeedsARepository(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	if err := export(t.TempDir(), t.TempDir(), []string{"README.md"}); err == nil {
		t.Error("no error without a repository")
	}
}
