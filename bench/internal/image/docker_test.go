package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// docker runs the docker command and returns what it printed.
func docker(t *testing.T, stdin io.Reader, args ...string) []byte {
	t.Helper()
	out, err := tryDocker(stdin, args...)
	if err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func tryDocker(stdin io.Reader, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("docker", args...)
	// The classic builder is the one that needs no plugin.
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s%s", err, out, &stderr)
	}
	return out, err
}

// exported lists the files of an image as the engine sees them.
func exported(t *testing.T, ref string) map[string]string {
	t.Helper()
	id := strings.TrimSpace(string(docker(t, nil, "create", "--label", "coldbench.test=image", ref, "/none")))
	defer docker(t, nil, "rm", id)
	list := map[string]string{}
	tr := tar.NewReader(bytes.NewReader(docker(t, nil, "export", id)))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, tr); err != nil {
			t.Fatal(err)
		}
		list[path.Clean(h.Name)] = fmt.Sprintf("%c %04o %d:%d %q %x", h.Typeflag, h.Mode&0o7777, h.Uid, h.Gid, h.Linkname, sum.Sum(nil)[:4])
	}
}

// diff lists how two listings differ.
func diff(want, got map[string]string) []string {
	var lines []string
	for name, w := range want {
		if g, ok := got[name]; !ok {
			lines = append(lines, name+": missing, want "+w)
		} else if g != w {
			lines = append(lines, name+": "+g+", want "+w)
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok {
			lines = append(lines, name+": unexpected, "+g)
		}
	}
	sort.Strings(lines)
	return lines
}

// settings are the parts of a configuration that decide what is run.
type settings struct {
	Entrypoint, Cmd, Env, Shell []string
	WorkingDir, User            string
	Labels                      map[string]string
	ExposedPorts, Volumes       map[string]struct{}
	StopSignal                  string
}

// inspect returns an image's ID and settings as the engine sees them.
func inspect(t *testing.T, ref string) (string, settings) {
	t.Helper()
	var list []struct {
		ID     string `json:"Id"`
		Config settings
	}
	if err := json.Unmarshal(docker(t, nil, "image", "inspect", ref), &list); err != nil {
		t.Fatal(err)
	}
	c := list[0].Config
	// Engines add a PATH of their own to an image that sets none.
	env := c.Env[:0]
	for _, kv := range c.Env {
		if !strings.HasPrefix(kv, "PATH=/usr/local/sbin:") {
			env = append(env, kv)
		}
	}
	if c.Env = env; len(env) == 0 {
		c.Env = nil
	}
	return list[0].ID, c
}

// load gives an image of the store to the engine and returns its tag. It is
// removed at the end of the test.
func load(t *testing.T, s *image.Store, img coldstart.Image) string {
	t.Helper()
	var buf bytes.Buffer
	if err := s.WriteTar(context.Background(), img.ID, &buf); err != nil {
		t.Fatal(err)
	}
	docker(t, &buf, "load", "-q")
	tag := image.Tag("v", img.ID)
	t.Cleanup(func() { docker(t, nil, "rmi", tag) })
	return tag
}

// context of the cross-checks.
var crossContext = map[string]string{
	"app/one.txt": "1", "app/two.txt": "22", "app/run": "#!run", "app/deep/er/x": "x", "app/link": "->one.txt",
	"a.txt": "a", "b.txt": "b", "bin": "#!bin", "alias": "->a.txt", "[odd].txt": "odd",
	"empty/": "", "tree/etc/new": "n", "tree/lib/y": "y", "tree/tmp/t": "t",
	"skip/no.log": "no", "skip/keep.log": "keep", "skip/sub/no.log": "no",
	".dockerignore": "skip/**/*.log\n!skip/keep.log\n.dockerignore\nDockerfile*\n# a comment\n",
}

// TestAgainstDocker builds the same Dockerfiles here and with the engine's own
// builder; files and configuration have to be the same.
func TestAgainstDocker(t *testing.T) {
	_, err := tryDocker(nil, "version")
	backendtest.Require(t, "docker", err)
	s := open(t)
	dir := t.TempDir()
	files(t, dir, crossContext)

	// A base with everything that COPY has to look at.
	base := t.TempDir()
	files(t, base, map[string]string{
		"etc/passwd": "root:x:0:0::/:/bin/sh\nbin:x:12:34::/:/bin/sh\n", "etc/group": "root:x:0:\nwheel:x:56:\n",
		"usr/lib/x": "x", "lib": "->usr/lib", "abs": "->/usr/lib", "file": "f", "tmp/": "",
		"Dockerfile": "FROM scratch\nCOPY . /\nCOPY --chmod=1777 tmp /tmp2/\nENV A=base PATH=/bin\nENTRYPOINT [\"/e\"]\nCMD [\"c\"]\nWORKDIR /w\nLABEL l=1\n",
	})
	baseImage, err := s.Build(t.Context(), variant(base), image.Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	tag := load(t, s, baseImage)
	var buf bytes.Buffer
	if err := s.WriteTar(t.Context(), baseImage.ID, &buf); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), tag, &buf); err != nil {
		t.Fatal(err)
	}

	for name, text := range map[string]string{
		"copies": `FROM scratch
COPY a.txt /
COPY a.txt /x1/y/z
COPY bin .
COPY app /app
COPY app .
COPY alias /got
COPY *.txt /t/
COPY a.txt b.txt bin /t2/
COPY [[]odd].txt /t5/
COPY empty /e
COPY skip /s
COPY . /all
COPY ["a.txt", "/with space/a"]
COPY tree /app
COPY bin /app/deep/er/x
ADD a.txt /ax
COPY --chown=1:2 app /c1/app
COPY --chown=7 a.txt /c2/y
`,
		"variables": `ARG P=app
FROM scratch
ARG P
ARG Q=two
COPY $P/${Q}.txt /$Q
ENV A=1 B=${A:-x}2
ENV C=$A-$B D='$A' E="$A b" F=a\ b
ENV G h i
ARG H=arg
ENV I=$H
ENV H=env
ENV J=$H
WORKDIR /a/$H
WORKDIR c
COPY a.txt .
COPY b.txt ./d/
COPY b.txt ../e
`,
		"configuration": "# escape=`\nFROM scratch\nCOPY a.txt `\n  /\n" + `CMD a $b
USER 5:6
LABEL a=b "c d"=e
EXPOSE 80 90/udp 100-102
VOLUME /v /w
STOPSIGNAL SIGINT
SHELL ["/sh", "-e"]
ENTRYPOINT a b
`,
		"on a base": `FROM BASE
COPY a.txt /lib/
COPY a.txt /abs/deep/
COPY a.txt /file
COPY a.txt /tmp
COPY a.txt /tmp2/
COPY a.txt rel
COPY tree/lib /usr/lib
COPY --chown=bin:wheel a.txt /u/
WORKDIR /lib/z
WORKDIR sub
ENTRYPOINT ["/mine"]
`,
		"on a base, all its own": `FROM BASE
ENTRYPOINT ["/mine"]
CMD ["own"]
ENV A=$A+1 PATH=/x:$PATH
LABEL l=2
`,
		"on a base, a command": "FROM BASE\nCMD [\"mine\"]\n",
		"stages": `FROM BASE AS one
COPY bin /opt/bin
COPY app /opt/app
ENV S=1
FROM one AS two
COPY a.txt /opt/
FROM scratch
COPY --from=one /opt/app /app
COPY --from=0 /lib/x /usr/lib/x /two/
COPY --from=one /lib /lib
COPY --from=one /etc/*w* /e/
COPY --from=two /tmp2 /t2
COPY --from=TWO /opt /opt
COPY --from=BASE --chown=3:4 /file /f
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "Dockerfile")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "BASE", tag)), 0o644); err != nil {
				t.Fatal(err)
			}
			v := coldstart.Variant{Name: "v", Build: &coldstart.Build{Context: dir, Dockerfile: file}}
			img, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"})
			if err != nil {
				t.Fatal(err)
			}
			id := dockerBuild(t, file, dir)
			mine := load(t, s, img)
			gotID, got := inspect(t, mine)
			if gotID != img.ID {
				t.Errorf("the engine calls it %s, we %s", gotID, img.ID)
			}
			_, want := inspect(t, id)
			if delete(want.Labels, "coldbench.test"); len(want.Labels) == 0 {
				want.Labels = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("configuration\n got %+v\nwant %+v", got, want)
			}
			theirs := exported(t, id)
			for _, line := range diff(theirs, exported(t, mine)) {
				t.Error(line)
			}
			compareUnpacked(t, s, img, theirs)
		})
	}
}

// dockerBuild builds a Dockerfile with the engine's own builder and returns the
// image's ID. It is removed at the end of the test.
func dockerBuild(t *testing.T, file, dir string) string {
	t.Helper()
	// An instruction that only replaces a file by one of equal size, within a
	// second, makes the classic builder fail: there must be none in the file.
	id := strings.TrimSpace(string(docker(t, nil, "build", "-q", "--no-cache", "--label", "coldbench.test=image", "-f", file, dir)))
	t.Cleanup(func() { docker(t, nil, "rmi", id) })
	return id
}

// compareUnpacked compares what Unpack makes of an image with what the engine
// shows of it.
func compareUnpacked(t *testing.T, s *image.Store, img coldstart.Image, want map[string]string) {
	t.Helper()
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	// What engines add for every container.
	for name := range want {
		top, _, _ := strings.Cut(name, "/")
		if top == "dev" || top == "proc" || top == "sys" || top == ".dockerenv" || top == "etc" || name == "tmp" {
			delete(want, name)
		}
	}
	for name, w := range want {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Errorf("unpacked: %v", err)
			continue
		}
		var typ byte
		var mode int64
		var link string
		if _, err := fmt.Sscanf(w, "%c %o", &typ, &mode); err != nil {
			t.Fatal(err)
		}
		switch {
		case info.IsDir():
			if typ != tar.TypeDir {
				t.Errorf("unpacked %s is a folder, want %s", name, w)
			}
		case info.Mode()&os.ModeSymlink != 0:
			link, _ = os.Readlink(filepath.Join(root, name))
			if !strings.Contains(w, fmt.Sprintf("%q", link)) || typ != tar.TypeSymlink {
				t.Errorf("unpacked %s leads to %s, want %s", name, link, w)
			}
			continue
		default:
			data, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			if !strings.HasSuffix(w, fmt.Sprintf("%x", sum[:4])) {
				t.Errorf("unpacked %s holds %q, want %s", name, data, w)
			}
		}
		if got := int64(info.Mode().Perm()); got != mode&0o777 {
			t.Errorf("unpacked %s has mode %o, want %o", name, got, mode)
		}
	}
}

// TestImportAgainstDocker imports what the engine's own docker save writes, and
// holds the image's ID against the engine's. The generation before manifests is
// the engine's archive without manifest.json, loaded back by the engine.
func TestImportAgainstDocker(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds, saves and loads images for seconds")
	}
	_, err := tryDocker(nil, "version")
	backendtest.Require(t, "docker", err)
	dir := t.TempDir()
	files(t, dir, map[string]string{"a": "a", "Dockerfile": "FROM scratch\nCOPY a /a\nENV A=1\nCOPY a /b\nENTRYPOINT [\"/a\"]\n"})
	id := dockerBuild(t, filepath.Join(dir, "Dockerfile"), dir)
	name := fmt.Sprintf("coldbench-test/import-%d", os.Getpid())
	one, two := name+":1", name+":2"
	docker(t, nil, "tag", id, name+":keep") // or the image goes with its last tag
	for _, tag := range []string{one, two} {
		docker(t, nil, "tag", id, tag)
		t.Cleanup(func() { docker(t, nil, "rmi", tag) })
	}
	importing := func(archive []byte, o image.ImportOptions) (coldstart.Image, []string, error) {
		return open(t).ImportStream(t.Context(), bytes.NewReader(archive), o)
	}

	byTag := docker(t, nil, "save", one, two)
	for _, archive := range [][]byte{byTag, gzipped(byTag)} {
		img, refs, err := importing(archive, image.ImportOptions{})
		if sort.Strings(refs); err != nil || img.ID != id || !reflect.DeepEqual(refs, []string{one, two}) {
			t.Errorf("got %s as %q, %v, want %s", img.ID, refs, err, id)
		}
	}
	byID := docker(t, nil, "save", id)
	if _, _, err := importing(byID, image.ImportOptions{}); err == nil || !strings.Contains(err.Error(), "no reference") {
		t.Errorf("an image without tags: %v", err)
	}
	if img, _, err := importing(byID, image.ImportOptions{Ref: "x"}); err != nil || img.ID != id {
		t.Errorf("got %s, %v, want %s", img.ID, err, id)
	}

	container := strings.TrimSpace(string(docker(t, nil, "create", "--label", "coldbench.test=image", id)))
	defer docker(t, nil, "rm", container)
	if _, _, err := importing(docker(t, nil, "export", container), image.ImportOptions{}); err == nil || !strings.Contains(err.Error(), "docker export") {
		t.Errorf("docker export: %v", err)
	}

	legacy := without(t, docker(t, nil, "save", one), "manifest.json")
	docker(t, bytes.NewReader(legacy), "load", "-q")
	loaded, _ := inspect(t, one)
	if loaded == id {
		t.Fatal("the engine read another manifest than the one that was taken out")
	}
	if img, refs, err := importing(legacy, image.ImportOptions{}); err != nil || img.ID != loaded || len(refs) != 1 || refs[0] != one {
		t.Errorf("got %s as %q, %v, want %s as %s", img.ID, refs, err, loaded, one)
	}
}

// without returns an archive without one of its files.
func without(t *testing.T, archive []byte, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	tr, tw := tar.NewReader(bytes.NewReader(archive)), tar.NewWriter(&buf)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == name {
			continue
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(tw, tr); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
