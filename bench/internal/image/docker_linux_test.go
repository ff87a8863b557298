package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

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

// seenFile is what differs, or not, of a file of two images.
type seenFile struct {
	Type     byte
	Mode     int64
	UID, GID int
	Seconds  int64  // of the modification time
	Link     string // of a symbolic link
	Names    string // of one file with more than one name, itself included
	Sum      string
}

func (s seenFile) String() string {
	return fmt.Sprintf("%c %04o %d:%d %s %q [%s] %s", s.Type, s.Mode, s.UID, s.GID, time.Unix(s.Seconds, 0).UTC().Format(time.DateTime), s.Link, s.Names, s.Sum)
}

// exported lists the files of an image as the engine shows them in a container.
func exported(t *testing.T, ref string) map[string]seenFile {
	t.Helper()
	id := strings.TrimSpace(string(docker(t, nil, "create", "--label", "coldbench.test=image", ref, "/none")))
	defer docker(t, nil, "rm", "-v", id)
	return inArchive(t, bytes.NewReader(docker(t, nil, "export", id)))
}

// inArchive lists the files of a tar archive of a file system.
func inArchive(t *testing.T, r io.Reader) map[string]seenFile {
	t.Helper()
	list, groups := map[string]seenFile{}, map[string][]string{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Clean(h.Name)
		if ofEngine(name) {
			continue
		}
		if h.Typeflag == tar.TypeLink {
			first := path.Clean(h.Linkname)
			groups[first] = append(groups[first], name)
			list[name] = list[first]
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, tr); err != nil {
			t.Fatal(err)
		}
		list[name] = seenFile{Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Seconds: h.ModTime.Unix(), Link: h.Linkname, Sum: fmt.Sprintf("%x", sum.Sum(nil)[:4])}
	}
	for first, others := range groups {
		enterNames(list, append(others, first))
	}
	return list
}

// enterNames enters the names of one file.
func enterNames(list map[string]seenFile, names []string) {
	sort.Strings(names)
	for _, name := range names {
		f := list[name]
		f.Names = strings.Join(names, " ")
		list[name] = f
	}
}

// ofEngine reports whether engines put a file into every container.
func ofEngine(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	switch name {
	case ".dockerenv", "etc", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab":
		return true
	}
	return top == "dev" || top == "proc" || top == "sys"
}

// lstatted lists the files of a folder as the kernel shows them.
func lstatted(t *testing.T, root string) map[string]seenFile {
	t.Helper()
	list, inodes := map[string]seenFile{}, map[uint64][]string{}
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		info, err := e.Info()
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		f := seenFile{Type: h.Typeflag, Mode: h.Mode, UID: int(st.Uid), GID: int(st.Gid), Seconds: info.ModTime().Unix()}
		sum := sha256.New()
		switch {
		case f.Type == tar.TypeSymlink:
			f.Link, err = os.Readlink(p)
		case f.Type == tar.TypeReg:
			inodes[st.Ino] = append(inodes[st.Ino], rel)
			var data []byte
			data, err = os.ReadFile(p)
			sum.Write(data)
		}
		f.Sum = fmt.Sprintf("%x", sum.Sum(nil)[:4])
		list[rel] = f
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range inodes {
		if len(names) > 1 {
			enterNames(list, names)
		}
	}
	return list
}

// diff lists how two listings differ.
func diff(want, got map[string]seenFile) []string {
	var lines []string
	for name, w := range want {
		if g, ok := got[name]; !ok {
			lines = append(lines, fmt.Sprintf("%s: missing, want %v", name, w))
		} else if g != w {
			lines = append(lines, fmt.Sprintf("%s: %v, want %v", name, g, w))
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok {
			lines = append(lines, fmt.Sprintf("%s: unexpected, %v", name, g))
		}
	}
	sort.Strings(lines)
	return lines
}

// settings are the parts of a configuration that decide what is run.
type settings struct {
	Entrypoint, Cmd, Env, Shell, OnBuild []string
	WorkingDir, User                     string
	Labels                               map[string]string
	ExposedPorts, Volumes                map[string]struct{}
	StopSignal                           string
	Healthcheck                          any
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
	return list[0].ID, list[0].Config.plain()
}

// plain returns settings without what the tests add and with nil for what is
// empty.
func (c settings) plain() settings {
	delete(c.Labels, "coldbench.test")
	for _, list := range []*[]string{&c.Entrypoint, &c.Cmd, &c.Env, &c.Shell, &c.OnBuild} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(c.Labels) == 0 {
		c.Labels = nil
	}
	if len(c.ExposedPorts) == 0 {
		c.ExposedPorts = nil
	}
	if len(c.Volumes) == 0 {
		c.Volumes = nil
	}
	return c
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
	if testing.Short() {
		t.Skip("TestBuildsAsDocker has cases of the same kinds")
	}
	_, err := tryDocker(nil, "version")
	backendtest.Require(t, "docker", err)
	s := open(t)
	dir := t.TempDir()
	files(t, dir, crossContext)
	backdate(t, dir, 1)

	// A base with everything that COPY has to look at.
	base := t.TempDir()
	files(t, base, map[string]string{
		"etc/passwd": "root:x:0:0::/:/bin/sh\nbin:x:12:34::/:/bin/sh\n", "etc/group": "root:x:0:\nwheel:x:56:\n",
		"usr/lib/x": "x", "lib": "->usr/lib", "abs": "->/usr/lib", "file": "f", "tmp/": "",
		"Dockerfile": "FROM scratch\nCOPY . /\nCOPY --chmod=1777 tmp /tmp2/\nENV A=base PATH=/bin\nENTRYPOINT [\"/e\"]\nCMD [\"c\"]\nWORKDIR /w\nLABEL l=1\n",
	})
	backdate(t, base, 1000)
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
			compareWithDocker(t, s, img, dockerBuild(t, file, dir))
		})
	}
}

// backdate gives every file of a folder a time of its own, from a second after
// stamp(0) on.
func backdate(t *testing.T, root string, second int64) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		names = append(names, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		setModTime(t, name, stamp(second+int64(i)))
	}
}

// dockerBuilt is an image that the engine's own builder made.
type dockerBuilt struct {
	id    string
	start time.Time // before it was begun
}

// dockerBuild builds a Dockerfile with the engine's own builder. Its images are
// removed at the end of the test.
func dockerBuild(t *testing.T, file, dir string) dockerBuilt {
	t.Helper()
	b, err := tryDockerBuild(t, file, dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dockerStep is a line of the classic builder's output: an instruction, or the
// ID of an image that it made or took.
var dockerStep = regexp.MustCompile(`(?m)^(?:Step \d+/\d+ : (\S+)| ---> ([0-9a-f]{12})$)`)

func tryDockerBuild(t *testing.T, file, dir string) (dockerBuilt, error) {
	t.Helper()
	b := dockerBuilt{start: time.Now()}
	// An instruction that only replaces a file by one of equal size, within a
	// second, makes the classic builder fail: there must be none in the file.
	out, err := tryDocker(nil, "build", "--no-cache", "--force-rm", "--label", "coldbench.test=image", "-f", file, dir)
	text := string(out)
	if err != nil {
		text = err.Error()
	}
	var made []string
	instruction := ""
	for _, m := range dockerStep.FindAllStringSubmatch(text, -1) {
		if m[1] != "" {
			instruction = m[1]
		} else if instruction != "FROM" {
			b.id = m[2]
			made = append(made, m[2])
		}
		if m[2] != "" && instruction == "FROM" {
			b.id = m[2]
		}
	}
	t.Cleanup(func() { removeImages(t, made) })
	return b, err
}

// removeImages removes the images of a build, in the order in which they were
// made. One goes with those below that nothing else needs: many are gone when
// their turn comes.
func removeImages(t *testing.T, made []string) {
	t.Helper()
	for i := len(made) - 1; i >= 0; i-- {
		_, err := tryDocker(nil, "rmi", made[i])
		for range 3 {
			if err == nil || strings.Contains(err.Error(), "No such image") {
				break
			}
			time.Sleep(100 * time.Millisecond)
			_, err = tryDocker(nil, "rmi", made[i])
		}
		if err != nil && !strings.Contains(err.Error(), "No such image") {
			t.Logf("image %s is left: %v", made[i], err)
		}
	}
}

// compareWithDocker compares an image of the store with what docker build made
// of the same input: as both are in the engine, and as the first is unpacked.
func compareWithDocker(t *testing.T, s *image.Store, img coldstart.Image, b dockerBuilt) {
	t.Helper()
	_, want := inspect(t, b.id)
	theirs := exported(t, b.id)
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	got := settingsOf(t, s, img)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("configuration\n got %+v\nwant %+v", got, want)
	}
	unpacked, rewritten := lstatted(t, root), rewrittenIn(t, s, img)
	compareContent(t, s, img, b, rewritten)
	for _, line := range diff(asUnpacked(b.settled(t, theirs, unpacked, rewritten)), asUnpacked(unpacked)) {
		t.Errorf("unpacked: %s", line)
	}
	if testing.Short() {
		return
	}
	mine := load(t, s, img)
	gotID, got := inspect(t, mine)
	if gotID != img.ID {
		t.Errorf("the engine calls it %s, we %s", gotID, img.ID)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("configuration in the engine\n got %+v\nwant %+v", got, want)
	}
	loaded := exported(t, mine)
	for _, line := range diff(b.settled(t, theirs, loaded, rewritten), loaded) {
		t.Errorf("in the engine: %s", line)
	}
}

// setID matches a file with a set-ID bit, as headers lists it.
var setID = regexp.MustCompile(`^0 .* [2-7][0-7]{3} \d+:\d+ `)

// compareContent holds an image's content ID against that of docker build's image,
// whose times and layers are others.
func compareContent(t *testing.T, s *image.Store, img coldstart.Image, b dockerBuilt, rewritten map[string]bool) {
	t.Helper()
	for _, twice := range rewritten {
		if twice {
			return // the classic builder may have mixed them up
		}
	}
	for _, line := range headers(t, s, img) {
		if setID.MatchString(line) {
			return // see settled
		}
	}
	if img.Layers == 0 {
		return // can't be saved
	}
	imported, err := open(t).Put(t.Context(), "docker/built", bytes.NewReader(docker(t, nil, "save", b.id)))
	if err != nil {
		t.Fatal(err)
	}
	if img.ContentID == "" || imported.ContentID != img.ContentID || imported.ID == img.ID {
		t.Errorf("image %s has content %s, docker build's %s has %s", img.ID, img.ContentID, imported.ID, imported.ContentID)
	}
}

// settled returns docker build's files with our times for the folders that it
// made or put something into, which have the time of the build with Docker. Ours
// must not. It also has our set-ID bits of files: the classic builder changes the
// mode before the owner, which takes them off; BuildKit does not (copyFileInfo of
// fsutil). And it has our hard links of files that are copied to where they are
// already: fuse-overlayfs takes such a file for unchanged and does not link it.
func (b dockerBuilt) settled(t *testing.T, theirs, ours map[string]seenFile, rewritten map[string]bool) map[string]seenFile {
	t.Helper()
	list := map[string]seenFile{}
	for name, f := range theirs {
		if mine, ok := ours[name]; ok && f.Type == tar.TypeDir && f.Seconds >= b.start.Unix() {
			if mine.Seconds >= b.start.Unix() {
				t.Errorf("/%s has the time of the build", name)
			}
			f.Seconds = mine.Seconds
		}
		if f.Type == tar.TypeReg {
			f.Mode |= ours[name].Mode & 0o6000
			for other := range strings.FieldsSeq(f.Names + " " + ours[name].Names) {
				if rewritten[other] {
					f.Names = ours[name].Names
				}
			}
		}
		list[name] = f
	}
	return list
}

// rewrittenIn returns the paths of files that more than one layer has.
func rewrittenIn(t *testing.T, s *image.Store, img coldstart.Image) map[string]bool {
	t.Helper()
	seen, rewritten := map[string]bool{}, map[string]bool{}
	for _, line := range headers(t, s, img) {
		if name := strings.Fields(line)[min(1, strings.Count(line, " "))]; name != "--" && !strings.HasSuffix(name, "/") {
			rewritten[name] = seen[name]
			seen[name] = true
		}
	}
	return rewritten
}

// asUnpacked returns files as an unpacked image shows them: without set-ID bits
// and mount points, and with owners only if this process may give them.
func asUnpacked(files map[string]seenFile) map[string]seenFile {
	list := map[string]seenFile{}
	for name, f := range files {
		if ofEngine(name) || name == "tmp" {
			continue
		}
		f.Mode &= 0o1777
		if os.Geteuid() != 0 {
			f.UID, f.GID = 0, 0
		}
		list[name] = f
	}
	return list
}

// settingsOf returns an image's settings as its configuration has them.
func settingsOf(t *testing.T, s *image.Store, img coldstart.Image) settings {
	t.Helper()
	var file struct {
		Config settings `json:"config"`
	}
	if err := json.Unmarshal([]byte(configText(t, s, img)), &file); err != nil {
		t.Fatal(err)
	}
	return file.Config.plain()
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
	id, _ := inspect(t, dockerBuild(t, filepath.Join(dir, "Dockerfile"), dir).id)
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
