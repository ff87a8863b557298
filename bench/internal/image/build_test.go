package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

func TestErrorsNameTheLine(t *testing.T) {
	s := open(t)
	for _, test := range []struct {
		name, dockerfile string
		want             string
		needsEngine      bool
	}{
		{"run", "FROM scratch\nCOPY a /\n\nRUN make", "Dockerfile:4: RUN needs", true},
		{"run in a stage below", "FROM scratch AS x\nRUN make\nFROM scratch\nCOPY --from=x /a /", "Dockerfile:2: RUN needs", true},
		{"run in a base stage", "FROM scratch AS x\nRUN make\nFROM x", "Dockerfile:2: RUN needs", true},
		{"healthcheck", "FROM scratch\nHEALTHCHECK --start-interval=5s CMD x", "Dockerfile:2: HEALTHCHECK with --start-interval needs", true},
		{"base's trigger", "FROM scratch AS x\nONBUILD RUN make\nFROM x", "Dockerfile:3: the base's ONBUILD RUN needs", true},
		{"base's wrong trigger", "FROM scratch AS x\nONBUILD COPY nothing /\nFROM x", "Dockerfile:3: ONBUILD COPY nothing /: COPY nothing: no such file", false},
		{"trigger of a trigger", "FROM scratch\nONBUILD ONBUILD ENV A=1", "Dockerfile:2: Chaining ONBUILD", false},
		{"url", "FROM scratch\nADD https://example.com/x /", "Dockerfile:2: ADD of a URL needs", true},
		{"archive, xz", "FROM scratch\nADD x.tar.xz /", "Dockerfile:2: ADD x.tar.xz: ADD of an archive compressed with xz needs", true},
		{"archive, cut", "FROM scratch\nADD cut.tar /", "Dockerfile:2: ADD cut.tar: reading f in the archive: unexpected EOF", false},
		{"archive, leading out", "FROM scratch\nADD evil.tar /", "Dockerfile:2: ADD evil.tar: \"../f\" leads out of the archive", false},
		{"archive to a file", "FROM scratch\nCOPY a /d\nADD x.tar.gz /d", "Dockerfile:3: copying x.tar.gz: /d is not a folder", false},
		{"epoch", "ARG SOURCE_DATE_EPOCH=today\nFROM scratch", "SOURCE_DATE_EPOCH=today: it is not a number of seconds", false},
		{"parents", "FROM scratch\nCOPY --parents a /x/", "Dockerfile:2: COPY with --parents", true},
		{"unknown instruction", "FROM scratch\nCPY a /", "Dockerfile:2: unknown instruction: CPY", false},
		{"no from", "COPY a /", "Dockerfile:1: no build stage", false},
		{"empty", "# nothing", "Dockerfile:1: file with no instructions", false},
		{"copy without destination", "FROM scratch\nCOPY a", "Dockerfile:2: COPY requires at least two arguments", false},
		{"missing file", "FROM scratch\nCOPY nothing /", "Dockerfile:2: COPY nothing: no such file", false},
		{"missing among several", "FROM scratch\nCOPY a nothing /x/", "Dockerfile:2: COPY nothing: no such file", false},
		{"empty glob", "FROM scratch\nCOPY *.none /", "Dockerfile:2: COPY *.none: no file matches", false},
		{"bad glob", "FROM scratch\nCOPY [ /", "Dockerfile:2: COPY [: syntax error in pattern", false},
		{"ignored", "FROM scratch\nCOPY secret /", "Dockerfile:2: COPY secret: it is left out by the .dockerignore file", false},
		{"above the context", "FROM scratch\nCOPY ../x /", "Dockerfile:2: COPY ../x: the path leads out of the build context", false},
		{"above, hidden", "FROM scratch\nCOPY a/../../x /", "Dockerfile:2: COPY a/../../x: the path leads out", false},
		{"link out of the context", "FROM scratch\nCOPY out /", "Dockerfile:2: COPY out: out is a symbolic link that leads out", false},
		{"absolute link", "FROM scratch\nCOPY abs /", "Dockerfile:2: COPY abs: abs is a symbolic link that leads out", false},
		{"file below a link out", "FROM scratch\nCOPY out/hostname /", "Dockerfile:2: COPY out/hostname: out is a symbolic link that leads out", false},
		{"several to a file", "FROM scratch\nCOPY a b /x", "Dockerfile:2: COPY of more than one file needs a destination that ends with /", false},
		{"over a folder", "FROM scratch\nCOPY dir /dir\nCOPY a /dir/", "", false},
		{"file over a folder", "FROM scratch\nCOPY dir/d /d\nCOPY dir /dir/\nCOPY a /d/", "Dockerfile:4: copying a: /d/a is a folder", false},
		{"folder over a file", "FROM scratch\nCOPY a /d\nCOPY dir /d", "Dockerfile:3: copying dir: /d is not a folder", false},
		{"workdir over a file", "FROM scratch\nCOPY a /d\nWORKDIR /d/e", "Dockerfile:3: ", false},
		{"chown name", "FROM scratch\nCOPY --chown=me a /", "Dockerfile:2: COPY --chown=me: the image has no user \"me\"", false},
		{"chmod", "FROM scratch\nCOPY --chmod=u+y a /", "Dockerfile:2: COPY --chmod=u+y: it is neither an octal number", false},
		{"chmod, too long", "FROM scratch\nCOPY --chmod=10755 a /", "Dockerfile:2: COPY --chmod=10755: it is neither an octal number", false},
		{"chmod, decimal", "FROM scratch\nCOPY --chmod=9 a /", "Dockerfile:2: COPY --chmod=9: it is neither an octal number", false},
		{"expose", "FROM scratch\nEXPOSE http", "Dockerfile:2: EXPOSE http: it is not a port", false},
		{"expansion", "FROM scratch\nENV A=${B", "Dockerfile:2: expanding", false},
		{"required", "FROM scratch\nENV A=${B:?none}", "Dockerfile:2: expanding \"${B:?none}\": ", false},
		{"empty base", "ARG B\nFROM $B", "Dockerfile:2: FROM $B: the name is empty", false},
		{"bad base", "FROM UPPER/x", "Dockerfile:1: \"UPPER/x\" is not an image reference", false},
		{"windows", "FROM --platform=windows/amd64 scratch", "Dockerfile:1: FROM --platform: \"windows/amd64\" is not a Linux platform", false},
		{"other architecture", "FROM --platform=linux/arm64 scratch", "the last stage is for linux/arm64, not linux/amd64", false},
		{"stage after", "FROM scratch\nCOPY --from=later a /\nFROM scratch AS later\n", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			img, err := build(t, s, map[string]string{
				"Dockerfile": test.dockerfile + "\n", "a": "a", "b": "b", "dir/d/a/x": "", "dir/f": "", "secret": "s",
				"out": "->../../../../../../etc", "abs": "->/etc/passwd", "x.tar.gz": string(gzipped(plainTar(t, "f"))), "x.tar.xz": "\xfd7zXZ\x00...",
				"cut.tar": string(plainTar(t, "f")[:1024]), "evil.tar": string(plainTar(t, "../f")),
				".dockerignore": "secret\n",
			}, image.Options{})
			if test.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if !reflect.DeepEqual(img, coldstart.Image{}) {
				t.Errorf("an error came with the image %+v", img)
			}
			if got := errors.Is(err, image.ErrNeedsEngine); got != test.needsEngine {
				t.Errorf("wraps ErrNeedsEngine: %v, want %v", got, test.needsEngine)
			}
			if test.needsEngine != (advice.HintOf(err) != "") {
				t.Errorf("hint %q", advice.HintOf(err))
			}
		})
	}
}

// plainTar is a tar archive with one file, which holds its own name again and
// again.
func plainTar(t *testing.T, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	data := []byte(strings.Repeat(name+" ", 1<<10))
	err := tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o640, Uid: 1, Gid: 2, Size: int64(len(data)), ModTime: stamp(5)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// dockerPath is what Docker gives an image whose base sets no PATH.
const dockerPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func TestBuild(t *testing.T) {
	s := open(t)
	context := map[string]string{"a": "a", "run": "#!run", "bin/amd64": "x86", "bin/arm64": "arm"}
	for _, test := range []struct {
		name, dockerfile string
		args             map[string]string
		target           string
		check            func(t *testing.T, img coldstart.Image)
	}{
		{"argument", "ARG ARCH=amd64\nFROM scratch\nARG ARCH\nCOPY bin/${ARCH} /b", map[string]string{"ARCH": "arm64"}, "", func(t *testing.T, img coldstart.Image) {
			if got := unpacked(t, s, img, "b"); got != "arm" {
				t.Errorf("the binary is %q", got)
			}
		}},
		{"argument's default", "ARG ARCH=amd64\nFROM scratch\nARG ARCH\nCOPY bin/${ARCH} /b", nil, "", func(t *testing.T, img coldstart.Image) {
			if got := unpacked(t, s, img, "b"); got != "x86" {
				t.Errorf("the binary is %q", got)
			}
		}},
		{"platform's argument, declared", "FROM scratch\nARG TARGETARCH\nCOPY bin/$TARGETARCH /b", nil, "", func(t *testing.T, img coldstart.Image) {
			if got := unpacked(t, s, img, "b"); got != "x86" {
				t.Errorf("the binary is %q", got)
			}
		}},
		{"platform's argument, not declared", "FROM scratch\nENV A=[$TARGETARCH] B=$TARGETPLATFORM", nil, "", func(t *testing.T, img coldstart.Image) {
			if want := []string{dockerPath, "A=[]", "B="}; !reflect.DeepEqual(img.Environment, want) {
				t.Errorf("environment %q, want %q", img.Environment, want)
			}
		}},
		{"an argument is no variable of the image", "FROM scratch\nARG X=1\nENV Y=$X", nil, "", func(t *testing.T, img coldstart.Image) {
			if want := []string{dockerPath, "Y=1"}; !reflect.DeepEqual(img.Environment, want) {
				t.Errorf("environment %q, want %q", img.Environment, want)
			}
		}},
		{"base from an argument", "ARG BASE=scratch\nFROM ${BASE}\nCOPY a /", nil, "", func(t *testing.T, img coldstart.Image) {
			if img.Base != "scratch" {
				t.Errorf("base %q", img.Base)
			}
		}},
		{"platform from an argument", "ARG A=arm64\nFROM --platform=linux/$A scratch AS x\nCOPY a /\nFROM --platform=$TARGETPLATFORM scratch\nCOPY --from=x a /b", map[string]string{"A": "arm64/v8"}, "", func(t *testing.T, img coldstart.Image) {
			if got := unpacked(t, s, img, "b"); got != "a" {
				t.Errorf("the file holds %q", got)
			}
		}},
		{"target", "FROM scratch AS one\nENV A=1\nFROM scratch\nRUN no", nil, "One", func(t *testing.T, img coldstart.Image) {
			if want := []string{dockerPath, "A=1"}; !reflect.DeepEqual(img.Environment, want) {
				t.Errorf("environment %q, want %q", img.Environment, want)
			}
		}},
		{"entrypoint clears the stage's command", "FROM scratch AS x\nCMD [\"c\"]\nFROM x\nENTRYPOINT [\"e\"]", nil, "", func(t *testing.T, img coldstart.Image) {
			if len(img.Command) != 0 || !reflect.DeepEqual(img.Entrypoint, []string{"e"}) {
				t.Errorf("runs %q %q", img.Entrypoint, img.Command)
			}
		}},
		{"label of a stand-in", "FROM scratch AS x\nLABEL coldbench.stand-in=other/base\nFROM x\nCOPY a /", nil, "", func(t *testing.T, img coldstart.Image) {
			if !img.StandIn {
				t.Error("not marked as a stand-in")
			}
		}},
		{"here-document", "FROM scratch\nCOPY <<END /x\nhello\nEND", nil, "", func(t *testing.T, img coldstart.Image) {
			if got := unpacked(t, s, img, "x"); got != "hello\n" {
				t.Errorf("the file holds %q", got)
			}
		}},
		{"sizes", "FROM scratch\nCOPY a run /x/\nCOPY run /y", nil, "", func(t *testing.T, img coldstart.Image) {
			if img.Layers != 2 || img.SizeBytes != 11 || img.CompressedBytes < 100 || img.CompressedBytes > 1000 {
				t.Errorf("%d layers, %d bytes, %d compressed", img.Layers, img.SizeBytes, img.CompressedBytes)
			}
		}},
		{"no layer", "FROM scratch\nENV A=1", nil, "", func(t *testing.T, img coldstart.Image) {
			if img.Layers != 0 || img.SizeBytes != 0 {
				t.Errorf("%d layers, %d bytes", img.Layers, img.SizeBytes)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			files(t, dir, context)
			files(t, dir, map[string]string{"Dockerfile": test.dockerfile + "\n"})
			v := variant(dir)
			v.Build.Args, v.Build.Target = test.args, test.target
			img, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"})
			if err != nil {
				t.Fatal(err)
			}
			if img.Arch != "amd64" || img.StandIn != (test.name == "label of a stand-in") {
				t.Errorf("image %+v", img)
			}
			test.check(t, img)
		})
	}
}

func TestUnusedArgumentIsNamed(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": "ARG A\nFROM scratch\nARG B\n"})
	v := variant(dir)
	v.Build.Args = map[string]string{"A": "1", "B": "2", "TYPO": "3", "http_proxy": "x"}
	var lines []string
	if _, err := s.Build(t.Context(), v, image.Options{Arch: "amd64", Log: func(l string) { lines = append(lines, l) }}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Dockerfile: no ARG declares the build argument TYPO"}; !reflect.DeepEqual(lines, want) {
		t.Errorf("log %q, want %q", lines, want)
	}
}

func TestArchitecture(t *testing.T) {
	s := open(t)
	tree := map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"}
	ids := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := build(t, s, tree, image.Options{Arch: arch})
		if err != nil {
			t.Fatal(err)
		}
		if img.Arch != arch {
			t.Errorf("built for %s, want %s", img.Arch, arch)
		}
		ids[img.ID] = true
	}
	if len(ids) != 2 {
		t.Error("both architectures have one image ID")
	}
	dir := t.TempDir()
	files(t, dir, tree)
	v := variant(dir)
	v.Platform = "linux/arm64/v8"
	if img, err := s.Build(t.Context(), v, image.Options{}); err != nil || img.Arch != "arm64" {
		t.Errorf("platform arm64 without -arch: %s, %v", img.Arch, err)
	}
	if _, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"}); err == nil {
		t.Error("a service for arm64 was built for amd64")
	}
}

func TestIgnoreFiles(t *testing.T) {
	s := open(t)
	tree := map[string]string{
		"a.go": "", "a.md": "", "README.md": "", "sub/b.md": "", "sub/b.go": "", "deep/er/x": "", "deep/er/keep": "", "deep/y": "",
		"node/m/x": "", "Dockerfile": "FROM scratch\nCOPY . /\n",
	}
	for _, test := range []struct{ name, file, ignore, want string }{
		{"none", ".other", "", ".other Dockerfile README.md a.go a.md deep/er/keep deep/er/x deep/y node/m/x sub/b.go sub/b.md"},
		{"names and globs", ".dockerignore", "*.md\nnode\n.dockerignore\nDockerfile", "a.go deep/er/keep deep/er/x deep/y sub/b.go sub/b.md"},
		{"exception", ".dockerignore", "*.md\n!README.md\n.dockerignore\nDockerfile\nnode\n", "README.md a.go deep/er/keep deep/er/x deep/y sub/b.go sub/b.md"},
		{"any depth", ".dockerignore", "**/*.md\n.d*\nDock*\nnode/m\n/deep", "a.go sub/b.go"},
		{"exception below", ".dockerignore", "*\n!deep/er/keep", "deep/er/keep"},
		{"order counts", ".dockerignore", "*\n!deep\ndeep/er", "deep/y"},
		{"all", ".dockerignore", "**", ""},
		{"its own wins", "Dockerfile.dockerignore", "*\n!a.go", "a.go"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			files(t, dir, tree)
			if test.name == "its own wins" {
				files(t, dir, map[string]string{".dockerignore": "a.go"})
			}
			files(t, dir, map[string]string{test.file: test.ignore})
			img, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
			if err != nil {
				t.Fatal(err)
			}
			root, err := s.Unpack(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
				rel, _ := filepath.Rel(root, p)
				if err == nil && !e.IsDir() && rel != "etc/hosts" { // a mount point
					got = append(got, rel)
				}
				return err
			})
			if strings.Join(got, " ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

// TestApply covers what a variant changes.
func TestApply(t *testing.T) {
	for _, test := range []struct {
		name           string
		entry, cmd     []string
		ventry, vcmd   []string
		wantEntry      []string
		wantCmd        []string
		env, wantEnv   []string
		venv           map[string]string
		workdir, vwork string
		wantWorkdir    string
	}{
		{name: "nothing", entry: []string{"e"}, cmd: []string{"c"}, wantEntry: []string{"e"}, wantCmd: []string{"c"}, workdir: "/w", wantWorkdir: "/w"},
		{name: "entrypoint clears the command", entry: []string{"e"}, cmd: []string{"c"}, ventry: []string{"v"}, wantEntry: []string{"v"}},
		{name: "empty entrypoint", entry: []string{"e"}, cmd: []string{"c"}, ventry: []string{}, vcmd: []string{"x"}, wantCmd: []string{"x"}},
		{name: "command", entry: []string{"e"}, cmd: []string{"c"}, vcmd: []string{"v", "w"}, wantEntry: []string{"e"}, wantCmd: []string{"v", "w"}},
		{name: "working dir", vwork: "/v", workdir: "/w", wantWorkdir: "/v"},
		{name: "environment", env: []string{"A=1", "B=2"}, venv: map[string]string{"C": "3", "B": "x", "AA": ""}, wantEnv: []string{"A=1", "B=x", "AA=", "C=3"}},
		{name: "image's emulator", entry: []string{"/usr/bin/aws-lambda-rie", "--log-level", "debug", "/boot"}, cmd: []string{"h"}, wantEntry: []string{"/boot"}, wantCmd: []string{"h"}},
		{name: "emulator as entrypoint", entry: []string{"/aws-lambda-rie"}, cmd: []string{"/boot", "h"}, wantCmd: []string{"/boot", "h"}},
		{name: "emulator's flags in the command", entry: []string{"/rie"}, cmd: []string{"--x", "/boot", "h"}, wantCmd: []string{"/boot", "h"}},
		{name: "variant's emulator", entry: []string{"e"}, ventry: []string{"/aws-lambda-rie"}, vcmd: []string{"/boot"}, wantCmd: []string{"/boot"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			img := coldstart.Image{Entrypoint: test.entry, Command: test.cmd, Environment: test.env, WorkingDir: test.workdir}
			got := image.Apply(img, coldstart.Variant{Entrypoint: test.ventry, Command: test.vcmd, Environment: test.venv, WorkingDir: test.vwork})
			if fmt.Sprint(got.Entrypoint, got.Command) != fmt.Sprint(test.wantEntry, test.wantCmd) {
				t.Errorf("runs %q %q, want %q %q", got.Entrypoint, got.Command, test.wantEntry, test.wantCmd)
			}
			if fmt.Sprint(got.Environment) != fmt.Sprint(test.wantEnv) || got.WorkingDir != test.wantWorkdir {
				t.Errorf("environment %q in %q", got.Environment, got.WorkingDir)
			}
			if !reflect.DeepEqual(img.Environment, test.env) || !reflect.DeepEqual(img.Entrypoint, test.entry) {
				t.Error("the image was changed")
			}
		})
	}
}

// FuzzBuild builds Dockerfiles of all kinds: an error comes without an image,
// and what can be built is the same in another store.
func FuzzBuild(f *testing.F) {
	for _, text := range []string{
		"FROM scratch\nCOPY a /\n",
		"ARG A=b\nFROM scratch AS x\nARG A\nCOPY --chown=1:2 --chmod=755 $A ${A:-c} /x/\nFROM x\nWORKDIR w\nCOPY --from=x /x/* ./\n",
		"# escape=`\nFROM scratch\nENV A=1 B=\"$A ${A:+x}\"\nLABEL a=b\nEXPOSE 1-3/udp\nVOLUME [\"/v\"]\n",
		"FROM --platform=$TARGETPLATFORM scratch\nADD dir dir/../../x\nCOPY . .\nENTRYPOINT x\nCMD [\"y\"]\n",
		"FROM scratch\nCOPY <<A <<B /x/\nb\nA\nc\nB\nCOPY ln /ln\nCOPY a /ln\nSHELL [\"/s\"]\nUSER u\nSTOPSIGNAL 9\n",
		"FROM scratch\nRUN x\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		context, place := t.TempDir(), t.TempDir()
		files(t, context, map[string]string{"a": "a", "b": "b", "dir/c": "#!", "ln": "->dir", "out": "->/etc/passwd"})
		files(t, place, map[string]string{"Dockerfile": text})
		var ids []string
		for range 2 {
			s, err := image.OpenStore(filepath.Join(t.TempDir(), "images"))
			if err != nil {
				t.Fatal(err)
			}
			v := coldstart.Variant{Name: "v", Build: &coldstart.Build{Context: context, Dockerfile: filepath.Join(place, "Dockerfile")}}
			img, err := s.Build(t.Context(), v, image.Options{Arch: "amd64", PullTimeout: -1})
			if err != nil {
				if !reflect.DeepEqual(img, coldstart.Image{}) {
					t.Fatalf("an error came with the image %+v", img)
				}
			} else if _, err := s.Unpack(t.Context(), img); err != nil {
				t.Fatalf("a built image can't be unpacked: %v", err)
			}
			if left, _ := os.ReadDir(filepath.Join(s.Dir(), "tmp")); len(left) > 0 {
				t.Fatalf("%d unfinished files are left after %v", len(left), err)
			}
			ids = append(ids, img.ID)
		}
		if ids[0] != ids[1] {
			t.Fatalf("the same Dockerfile gives %s and %s", ids[0], ids[1])
		}
	})
}

// TestWildcardsWalkNoLinks: what lies behind a symbolic link is matched only if the
// part of the pattern before the first wildcard names the link.
func TestWildcardsWalkNoLinks(t *testing.T) {
	for pattern, want := range map[string]string{"[dl]/*": "f", "l/*": "g"} {
		dir := t.TempDir()
		files(t, dir, map[string]string{"d/f": "f", "e/g": "g", "Dockerfile": "FROM scratch\nCOPY " + pattern + " /x/\n"})
		if err := os.Symlink("e", filepath.Join(dir, "l")); err != nil {
			t.Fatal(err)
		}
		s := open(t)
		img, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		root, err := s.Unpack(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		found, err := os.ReadDir(filepath.Join(root, "x"))
		if err != nil || len(found) != 1 || found[0].Name() != want {
			t.Errorf("COPY %s copied %v, want %s (%v)", pattern, found, want, err)
		}
	}
}
