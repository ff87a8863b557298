// Package base tests the stand-ins for the Amazon Linux bases: the contract of
// their entrypoint, and what make offline-base has made, if it was run.
package base

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// entrypoint is the stand-ins' entrypoint with its fixed paths moved to a
// folder, where an emulator and a bootstrap say how they were called.
func entrypoint(t *testing.T) (script, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir = t.TempDir()
	b, err := os.ReadFile("lambda-entrypoint.sh")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, fixed := range []string{"/usr/local/bin/aws-lambda-rie", "/var/runtime/bootstrap"} {
		if !strings.Contains(text, fixed) {
			t.Fatalf("the entrypoint does not name %s", fixed)
		}
		moved := filepath.Join(dir, path.Base(fixed))
		text = strings.ReplaceAll(text, fixed, moved)
		say := "#!/bin/sh\necho " + path.Base(fixed) + " handler=$_HANDLER args=$*\n"
		if err := os.WriteFile(moved, []byte(say), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script = filepath.Join(dir, "lambda-entrypoint.sh")
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return script, dir
}

func TestEntrypointContract(t *testing.T) {
	script, dir := entrypoint(t)
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want string
		code int
	}{
		{"no argument", nil, nil, "", 142},
		{"two arguments", []string{"a", "b"}, nil, "", 142},
		{"two arguments on Lambda", []string{"a", "b"}, []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"}, "", 142},
		{"no Runtime API", []string{"function.handler"}, nil, "aws-lambda-rie handler=function.handler args=" + dir + "/bootstrap\n", 0},
		{"an empty Runtime API", []string{"h"}, []string{"AWS_LAMBDA_RUNTIME_API="}, "aws-lambda-rie handler=h args=" + dir + "/bootstrap\n", 0},
		{"a Runtime API", []string{"function.handler"}, []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"}, "bootstrap handler=function.handler args=\n", 0},
	} {
		cmd := exec.Command(script, c.args...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, c.env...)
		out, err := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != c.code || string(out) != c.want {
			t.Errorf("%s: exit %d, %q (%v), want exit %d, %q", c.name, code, out, err, c.code, c.want)
		}
	}
}

// config is what of an image's configuration is part of the contract.
type config struct {
	Architecture string
	Config       struct {
		Env        []string
		Entrypoint []string
		Cmd        []string
		WorkingDir string
		User       string
		Labels     map[string]string
	}
}

func TestStandIns(t *testing.T) {
	for name, stands := range map[string]string{
		"al2":    "public.ecr.aws/lambda/provided:al2",
		"al2023": "public.ecr.aws/lambda/provided:al2023",
	} {
		file := filepath.Join("..", "..", ".build", "base", "amd64", name+".tar")
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skipf("%v: make offline-base makes it", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		t.Run(name, func(t *testing.T) { checkStandIn(t, f, name, stands) })
	}
}

// checkStandIn reads an image as docker save writes one.
func checkStandIn(t *testing.T, r io.Reader, name, stands string) {
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	blobs := map[string][]byte{}
	var size int64
	modes := map[string]int64{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".tar") {
			size = h.Size
			readLayer(t, in, modes)
			continue
		}
		if blobs[path.Clean(h.Name)], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(blobs["manifest.json"], &manifest); err != nil || len(manifest) != 1 {
		t.Fatalf("manifest %s: %v", blobs["manifest.json"], err)
	}
	if m := manifest[0]; len(m.Layers) != 1 || !slices.Equal(m.RepoTags, []string{"coldbench/stand-in:" + name}) {
		t.Errorf("layers %q, names %q", m.Layers, m.RepoTags)
	}
	var c config
	if err := json.Unmarshal(blobs[manifest[0].Config], &c); err != nil {
		t.Fatal(err)
	}
	if got := c.Config.Labels["coldbench.stand-in"]; got != stands {
		t.Errorf("it stands in for %q, want %q", got, stands)
	}
	if !slices.Equal(c.Config.Entrypoint, []string{"/lambda-entrypoint.sh"}) || c.Config.Cmd != nil || c.Config.User != "" ||
		c.Config.WorkingDir != "/var/task" || c.Architecture != "amd64" {
		t.Errorf("configuration %+v", c)
	}
	for _, want := range []string{"LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime", "LANG=en_US.UTF-8"} {
		if !slices.Contains(c.Config.Env, want) {
			t.Errorf("the environment lacks %s: %q", want, c.Config.Env)
		}
	}
	if size < 80e6 || len(modes) < 1000 {
		t.Errorf("%d bytes in %d files, want a base's order", size, len(modes))
	}
	for file, mode := range map[string]int64{
		"lambda-entrypoint.sh":                    0o755,
		"usr/bin/bash":                            0o755,
		"usr/bin/sh":                              0o777, // a link
		"var/runtime":                             0o755,
		"var/task":                                0o755,
		"tmp":                                     0o1777,
		"etc/os-release":                          0o644,
		"etc/ssl/certs/ca-certificates.crt":       0o644,
		"etc/pki/tls/certs/ca-bundle.crt":         0o777,
		"usr/share/zoneinfo/Europe/Helsinki":      0o644,
		"usr/lib/x86_64-linux-gnu/libc.so.6":      0o755,
		"usr/lib/x86_64-linux-gnu/libstdc++.so.6": 0o777,
		"usr/lib64/ld-linux-x86-64.so.2":          0o777,
		"etc/coldbench-packages":                  0o644,
	} {
		if got, ok := modes[file]; !ok || got != mode {
			t.Errorf("%s has mode %o (%v), want %o", file, got, ok, mode)
		}
	}
}

// readLayer notes the mode of every file of a layer, and that each is root's
// and of no particular time.
func readLayer(t *testing.T, r io.Reader, modes map[string]int64) {
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0 {
			t.Errorf("%s belongs to %d:%d and is of %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		modes[path.Clean(h.Name)] = h.Mode
	}
}
