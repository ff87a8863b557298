package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// TestHeaders is the golden test of what a layer looks like.
func TestHeaders(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	files(t, dir, map[string]string{
		"Dockerfile": "FROM scratch\nCOPY --chown=3:4 --chmod=0750 run /z/run\nCOPY tree /t\nCOPY run /t/sub/again\nWORKDIR /t/w\nCOPY run /t/w/\nCOPY <<X /here\nX\n",
		"run":        "#!run", "tree/b": "bb", "tree/a": "#!a", "tree/link": "->b", "tree/sub/c": "", "tree/a-b": "", "tree/Z": "", "tree/z": "",
	})
	if err := os.Chmod(filepath.Join(dir, "tree", "Z"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "tree", "z")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "tree", "b"), filepath.Join(dir, "tree", "z")); err != nil {
		t.Fatal(err)
	}
	age(t, dir, map[string]int64{"run": 90, "tree": 80, "tree/b": 10, "tree/a": 20, "tree/a-b": 30, "tree/Z": 40, "tree/sub/c": 60, "tree/sub": 50, "tree/link": 45})
	img, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	got := headers(t, s, img)
	want := []string{
		"5 z/  750 3:4 0 90", "0 z/run  750 3:4 5 90", "--",
		"5 t/  755 0:0 0 60", "0 t/Z  600 0:0 0 40", "0 t/a  755 0:0 3 20", "0 t/a-b  644 0:0 0 30", "0 t/b  644 0:0 2 10",
		"2 t/link b 777 0:0 0 45", "5 t/sub/  755 0:0 0 50", "0 t/sub/c  644 0:0 0 60", "1 t/z t/b 644 0:0 0 10", "--",
		"5 t/  755 0:0 0 90", "5 t/sub/  755 0:0 0 50", "0 t/sub/again  755 0:0 5 90", "--",
		"5 t/  755 0:0 0 90", "5 t/w/  755 0:0 0 -1500000000", "--",
		"5 t/  755 0:0 0 90", "5 t/w/  755 0:0 0 90", "0 t/w/run  755 0:0 5 90", "--",
		"0 here  644 0:0 0 -1500000000", "--",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// built is one build of headersOf.
type built struct {
	dockerfile string
	args       map[string]string
	arch       string
}

// headersOf builds a Dockerfile in a context that has times and modes of its own,
// and returns the headers of its layers.
func headersOf(t *testing.T, s *image.Store, b built) (coldstart.Image, []string, error) {
	t.Helper()
	if b.arch == "" {
		b.arch = "amd64"
	}
	img, err := s.Build(t.Context(), b.variant(t), image.Options{Arch: b.arch})
	if err != nil {
		return img, nil, err
	}
	return img, headers(t, s, img), nil
}

// variant writes the context.
func (b built) variant(t *testing.T) coldstart.Variant {
	t.Helper()
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": b.dockerfile, "run": "#!run", "conf": "c", "tree/sub/x": "x", "tree/link": "->sub", "x.tgz": string(gzipped(plainTar(t, "d/f")))})
	for name, mode := range map[string]os.FileMode{"run": 0o750, "conf": 0o604, "tree/sub/x": 0o640, "tree/sub": 0o710} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	age(t, dir, map[string]int64{"tree/sub/x": 5, "run": 10, "conf": 20, "tree/link": 30, "tree/sub": 40, "tree": 50, "x.tgz": 60})
	v := variant(dir)
	v.Build.Args = b.args
	return v
}

// TestChmod: --chmod as BuildKit has it, by its reference ("COPY --chmod") and
// its test testFileOpCopyChmodText; the classic builder has none. With a number,
// folders that are made on the way get its permission bits, as in fsutil's copy;
// with symbols they do not.
func TestChmod(t *testing.T) {
	s := open(t)
	for _, test := range []struct{ chmod, file, sub, inside, made string }{
		{"755", "755", "755", "755", "755"},
		{"0644", "644", "644", "644", "644"},
		{"4711", "4711", "4711", "4711", "711"},
		{"+x", "715", "711", "751", "755"},
		{"a+X", "604", "711", "640", "755"},
		{"u=rwX,go=rX", "644", "755", "644", "755"},
		{"go-w", "604", "710", "640", "755"},
		{"o-rwx,g+x", "610", "710", "650", "755"},
		{"u=rwx,g=,o=", "700", "700", "700", "755"},
		{"u+rw,g+r,o-x,o+w", "646", "752", "642", "755"},
		{"g=u", "664", "770", "660", "755"},
		{"+t,u+s", "5604", "5710", "5640", "755"},
		{"$M", "600", "600", "600", "600"},
	} {
		t.Run(test.chmod, func(t *testing.T) {
			_, got, err := headersOf(t, s, built{dockerfile: fmt.Sprintf("FROM scratch\nARG M=600\nCOPY --chmod=%[1]s conf /a/b/conf\nCOPY --chmod=%[1]s tree /t\n", test.chmod)})
			if err != nil {
				t.Fatal(err)
			}
			modes := map[string]string{}
			for _, line := range got {
				if f := strings.Fields(line); len(f) > 3 {
					modes[f[1]] = f[len(f)-4]
				}
			}
			want := map[string]string{"a/": test.made, "a/b/": test.made, "a/b/conf": test.file, "t/": test.made, "t/link": "777", "t/sub/": test.sub, "t/sub/x": test.inside}
			if !reflect.DeepEqual(modes, want) {
				t.Errorf("modes %v, want %v", modes, want)
			}
		})
	}
}

// TestSourceDateEpoch: as BuildKit with rewrite-timestamp, by its
// docs/build-repro.md: times after it become it, in layers that are built but
// not in the base's; the image and its history have it, too. The classic builder
// knows nothing of it.
func TestSourceDateEpoch(t *testing.T) {
	s := open(t)
	base := put(t, s, layerTar(t, stamped(file("base"), stamp(70)), stamped(dir("b", 0o700), stamp(80))))
	if base.Layers != 1 {
		t.Fatal(base)
	}
	epoch := fmt.Sprint(stamp(15).Unix())
	const dockerfile = "FROM x\nCOPY run conf /b/\nCOPY tree /t\nWORKDIR /w\nADD x.tgz /a/\nCOPY --chmod=600 <<X /here\nX\n"
	want := []string{
		"0 base  644 0:0 4 70", "5 b  700 0:0 0 80", "--",
		"5 b/  700 0:0 0 15", "0 b/conf  604 0:0 1 15", "0 b/run  750 0:0 5 10", "--",
		"5 t/  755 0:0 0 15", "2 t/link sub 777 0:0 0 15", "5 t/sub/  710 0:0 0 15", "0 t/sub/x  640 0:0 1 5", "--",
		"5 w/  755 0:0 0 15", "--",
		"5 a/  755 0:0 0 15", "5 a/d/  755 0:0 0 15", "0 a/d/f  640 1:2 4096 5", "--",
		"0 here  600 0:0 0 15", "--",
	}
	for _, b := range []built{
		{dockerfile: dockerfile, args: map[string]string{"SOURCE_DATE_EPOCH": epoch}},
		{dockerfile: "ARG SOURCE_DATE_EPOCH=" + epoch + "\n" + dockerfile},
		{dockerfile: "ARG SOURCE_DATE_EPOCH=1\n" + dockerfile, args: map[string]string{"SOURCE_DATE_EPOCH": epoch}},
	} {
		img, got, err := headersOf(t, s, b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives\n%s\nwant\n%s", b.dockerfile, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		when := stamp(15).UTC().Format(time.RFC3339)
		if n := strings.Count(configText(t, s, img), when); n != 1+5 {
			t.Errorf("the configuration has %s %d times, want it for the image and its 5 instructions", when, n)
		}
	}
	for _, unset := range []string{"", "context"} {
		_, got, err := headersOf(t, s, built{dockerfile: dockerfile, args: map[string]string{"SOURCE_DATE_EPOCH": unset}})
		if err != nil || !strings.Contains(strings.Join(got, "\n"), "b/conf  604 0:0 1 20") {
			t.Errorf("with %q: %v\n%s", unset, err, strings.Join(got, "\n"))
		}
	}
}

// configText returns an image's configuration.
func configText(t *testing.T, s *image.Store, img coldstart.Image) string {
	t.Helper()
	var buf bytes.Buffer
	if err := s.WriteTar(t.Context(), img.ID, &buf); err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(&buf)
	for {
		h, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == img.ID {
			data, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
	}
}

// TestPlatformArguments: TARGET… is what is built for, BUILD… the machine that
// builds, by BuildKit's reference ("Automatic platform ARGs in the global
// scope"). The classic builder has neither.
func TestPlatformArguments(t *testing.T) {
	s := open(t)
	for _, arch := range []string{"amd64", "arm64"} {
		img, _, err := headersOf(t, s, built{arch: arch, dockerfile: "FROM --platform=$BUILDPLATFORM scratch AS tools\nCOPY run /run\nFROM scratch\n" +
			"ARG TARGETPLATFORM\nARG BUILDPLATFORM\nARG TARGETARCH\nARG BUILDARCH\nENV P=$TARGETPLATFORM,$BUILDPLATFORM,$TARGETARCH,$BUILDARCH\nCOPY --from=tools /run /run\n"})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("P=linux/%s,linux/%s,%[1]s,%[2]s", arch, runtime.GOARCH)
		if img.Arch != arch || img.Environment[1] != want {
			t.Errorf("for %s: %s %q, want %q", arch, img.Arch, img.Environment, want)
		}
	}
}

// bzipped is a tar archive with the file f, compressed with bzip2, which the
// standard library can't write.
const bzipped = "QlpoOTFBWSZTWcicOBsAAHJ7gNEQAADAAH+AAADxAB4QCAggAFQ0honqYjJgNQSRAmg0DQH3OA6EE4oQit5PlbSM0CGXrloasEGA4cBDNnpp85r6zD7NMddsG1xpV4qERAfi7kinChIZE4cDYA=="

// TestAddArchive: ADD unpacks an archive, however it is compressed, and copies
// what is none.
func TestAddArchive(t *testing.T) {
	s := open(t)
	bz, err := base64.StdEncoding.DecodeString(bzipped)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"plain": string(plainTar(t, "f")), "gzip": string(gzipped(plainTar(t, "f"))), "bzip2": string(bz), "zstd": string(zstded(plainTar(t, "f"))),
	} {
		img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nADD --chown=8:9 --chmod=0700 x /d\n", "x": data}, image.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := headers(t, s, img)
		if len(got) != 3 || got[0] != "5 d/  755 0:0 0 5" || !strings.HasPrefix(got[1], "0 d/f  640 1:2 ") || !strings.HasSuffix(got[1], " 5") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, data := range map[string]string{"gzip of text": string(gzipped([]byte("text"))), "text": "text", "nothing": "", "magic": "\x1f\x8b", "short": "BZh"} {
		img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nADD --chmod=0700 x /d/\n", "x": data}, image.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := unpacked(t, s, img, "d/x"); got != data {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestCopyKeepsHardLinks: names of one file stay so within a folder that is
// copied, and are files of their own if they are copied one by one, as with
// docker build: 3 MB with two more names are 3 MB or 9.
func TestCopyKeepsHardLinks(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	files(t, dir, map[string]string{"d/a": strings.Repeat("x", 3<<20), "Dockerfile": "FROM scratch AS s\nCOPY d /d\nCOPY d/a d/b /x/\nFROM scratch\nCOPY --from=s / /\n"})
	for _, name := range []string{"b", "c"} {
		if err := os.Link(filepath.Join(dir, "d", "a"), filepath.Join(dir, "d", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range []string{"s", ""} {
		v := variant(dir)
		v.Build.Target = target
		img, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		if img.SizeBytes != 9<<20 {
			t.Errorf("target %q has %d bytes, want 9 MB", target, img.SizeBytes)
		}
		root, err := s.Unpack(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		got := lstatted(t, root)
		if got["d/b"].Names != "d/a d/b d/c" || got["x/a"].Names != "" {
			t.Errorf("target %q: d/b is %q, x/a %q", target, got["d/b"].Names, got["x/a"].Names)
		}
	}
}

// capability is the PAX record of a file capability.
const capability = "SCHILY.xattr.security.capability"

// TestCopyKeepsCapabilities: the value of cap_setuid is not valid UTF-8.
func TestCopyKeepsCapabilities(t *testing.T) {
	value := "\x01\x00\x00\x02\x80" + strings.Repeat("\x00", 15)
	s := open(t)
	contentOf(t, s, layerOf(t, member{tar.Header{Name: "a", Mode: 0o755, PAXRecords: map[string]string{capability: value}}, "1"}))
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY --from=x/y /a /b\n"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := headers(t, s, img); len(got) != 2 || !strings.HasPrefix(got[0], "0 b ") || !strings.HasSuffix(got[0], fmt.Sprintf(" %q", value)) {
		t.Errorf("%q, want the capability %q", got, value)
	}
}

// TestNamesThatAreNotUTF8: names that differ in such a byte only stay apart, and a
// quotation mark at the front stays, in a layer that is read from its record.
func TestNamesThatAreNotUTF8(t *testing.T) {
	s := open(t)
	var members []member
	for i, name := range []string{"d/\xe4", "d/\xf6", "\"q\"", `"`} {
		members = append(members, member{data: strings.Repeat("x", i)}.named(name))
	}
	link := member{Header: tar.Header{Name: "d/l", Linkname: "\xe4", Typeflag: tar.TypeSymlink}}
	base := contentOf(t, s, layerOf(t, append(members, link)...))
	members[0].Name = "d/\xe5"
	if other := contentOf(t, open(t), layerOf(t, append(members, link)...)); other.ContentID == base.ContentID {
		t.Error("another name has the same content ID")
	}
	members[0].Name = "d/\xe4"
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY --from=x/y / /\n"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range members {
		if data, err := os.ReadFile(filepath.Join(root, m.Name)); err != nil || len(data) != i {
			t.Errorf("%q has %d bytes, %v", m.Name, len(data), err)
		}
	}
	if to, err := os.Readlink(filepath.Join(root, "d/l")); to != "\xe4" {
		t.Errorf("link to %q, %v", to, err)
	}
}

// TestCopyOntoLinks: a link that is the destination is followed, one in the
// destination's folder is replaced, and a folder never meets one.
func TestCopyOntoLinks(t *testing.T) {
	s := open(t)
	tree := map[string]string{"d/l": "->t", "l": "new", "e/l/x": "x"}
	for _, test := range []struct {
		line string
		want []string
	}{
		{"COPY l /x/", []string{"x/", "x/l 644 new"}},
		{"COPY l d /x/", []string{"x/", "x/l -> t"}},
		{"COPY l /x/l", []string{"x/", "x/l -> t", "x/t 644 new"}},
		{"COPY e /x/", nil},
	} {
		tree["Dockerfile"] = "FROM scratch\nCOPY d /x\n" + test.line + "\n"
		img, err := build(t, s, tree, image.Options{})
		if (err == nil) != (test.want != nil) {
			t.Errorf("%s: %v", test.line, err)
		}
		if err != nil {
			continue
		}
		root, err := s.Unpack(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range listed(t, root) {
			if strings.HasPrefix(line, "x/") {
				got = append(got, strings.Replace(line, "x/ 755", "x/", 1))
			}
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s gives %q, want %q", test.line, got, test.want)
		}
	}
}

// TestTriggers: a base's ONBUILD instructions are carried out in the stage that
// is built on it, and are gone in its image.
func TestTriggers(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{
		"Dockerfile": "FROM scratch AS tools\nCOPY a /tool\nFROM scratch AS base\nENV V=base\nONBUILD ENV V=trigger\nONBUILD COPY --from=tools /tool /t\nONBUILD WORKDIR /w\nONBUILD COPY a .\nFROM base\nENV W=$V\n",
		"a":          "a",
	}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{dockerPath, "V=trigger", "W=trigger"}; !reflect.DeepEqual(img.Environment, want) || img.WorkingDir != "/w" {
		t.Errorf("environment %q in %s, want %q", img.Environment, img.WorkingDir, want)
	}
	if got := unpacked(t, s, img, "t") + unpacked(t, s, img, "w/a"); got != "aa" {
		t.Errorf("files %q", got)
	}
	if strings.Contains(configText(t, s, img), `"OnBuild"`) {
		t.Error("the image has the triggers of its base")
	}
}

// age sets times, in seconds after stamp(0); a part of a second is added.
func age(t *testing.T, dir string, seconds map[string]int64) {
	t.Helper()
	for name, n := range seconds {
		setModTime(t, filepath.Join(dir, name), stamp(n))
	}
}

// headers lists the files of an image's layers as their tar headers have them,
// with times in seconds after stamp(0) and a capability at the end.
func headers(t *testing.T, s *image.Store, img coldstart.Image) (list []string) {
	t.Helper()
	var buf bytes.Buffer
	if err := s.WriteTar(t.Context(), img.ID, &buf); err != nil {
		t.Fatal(err)
	}
	outer := tar.NewReader(&buf)
	for {
		h, err := outer.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".tar.gz") {
			continue
		}
		zip, err := gzip.NewReader(outer)
		if err != nil {
			t.Fatal(err)
		}
		if !zip.ModTime.IsZero() || zip.Name != "" {
			t.Errorf("gzip header %+v", zip.Header)
		}
		inner := tar.NewReader(zip)
		for {
			h, err := inner.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Uname != "" || h.Gname != "" {
				t.Errorf("header %+v", h)
			}
			line := fmt.Sprintf("%c %s %s %o %d:%d %d %d", h.Typeflag, h.Name, h.Linkname, h.Mode, h.Uid, h.Gid, h.Size, h.ModTime.Unix()-stamp(0).Unix())
			if value, ok := h.PAXRecords[capability]; ok {
				line += fmt.Sprintf(" %q", value)
			}
			list = append(list, line)
		}
		list = append(list, "--")
	}
}
