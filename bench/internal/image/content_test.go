package image_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// member is an entry of a layer with a content of its own.
type member struct {
	tar.Header
	data string
}

// layerOf writes a layer out of members.
func layerOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, m := range members {
		h := m.Header
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		h.Size = int64(len(m.data))
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(m.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// contentOf puts an image of layers into a new store and returns its facts.
func contentOf(t testing.TB, s *image.Store, layers ...[]byte) coldstart.Image {
	t.Helper()
	img, err := s.Put(t.Context(), "x/y", bytes.NewReader(saved(t, "amd64", layers...)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(img.ContentID, "sha256:") || len(img.ContentID) != 71 {
		t.Fatalf("content ID %q", img.ContentID)
	}
	return img
}

func TestContentIDOfFiles(t *testing.T) {
	s := open(t)
	regular := func(name, data string, mode int64) member {
		return member{tar.Header{Name: name, Mode: mode, ModTime: time.Unix(1e9, 0)}, data}
	}
	link := member{Header: tar.Header{Name: "b", Linkname: "a", Typeflag: tar.TypeLink}}
	base := contentOf(t, s, layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755)))
	others := map[string]string{base.ContentID: "the base"}
	for _, test := range []struct {
		name   string
		same   bool
		layers [][]byte
	}{
		{"other times", true, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, ModTime: time.Unix(2e9, 0)}, "1"}, regular("d/c", "2", 0o755))}},
		{"another order", true, [][]byte{layerOf(t, regular("d/c", "2", 0o755), regular("a", "1", 0o644))}},
		{"two layers", true, [][]byte{layerOf(t, regular("a", "1", 0o644)), layerOf(t, regular("d/c", "2", 0o755))}},
		{"the folder described", true, [][]byte{layerOf(t, regular("a", "1", 0o644), member{Header: tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}}, regular("d/c", "2", 0o755))}},
		{"the root described", true, [][]byte{layerOf(t, member{Header: tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}}, regular("a", "1", 0o644), regular("d/c", "2", 0o755))}},
		{"hidden by a whiteout", true, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("x", "3", 0o644)), layerOf(t, regular(".wh.x", "", 0o644), regular("d/c", "2", 0o755))}},
		{"another SELinux label", true, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.security.selinux": "x"}}, "1"}, regular("d/c", "2", 0o755))}},
		{"other data", false, [][]byte{layerOf(t, regular("a", "3", 0o644), regular("d/c", "2", 0o755))}},
		{"another mode", false, [][]byte{layerOf(t, regular("a", "1", 0o600), regular("d/c", "2", 0o755))}},
		{"set-user-ID", false, [][]byte{layerOf(t, regular("a", "1", 0o4644), regular("d/c", "2", 0o755))}},
		{"another name", false, [][]byte{layerOf(t, regular("b", "1", 0o644), regular("d/c", "2", 0o755))}},
		{"another owner", false, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, Uid: 993}, "1"}, regular("d/c", "2", 0o755))}},
		{"another group", false, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, Gid: 993}, "1"}, regular("d/c", "2", 0o755))}},
		{"a capability", false, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}}, "1"}, regular("d/c", "2", 0o755))}},
		{"a capability that is not UTF-8", false, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x80\x00"}}, "1"}, regular("d/c", "2", 0o755))}},
		{"another one that is not UTF-8", false, [][]byte{layerOf(t, member{tar.Header{Name: "a", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\xc0\x00"}}, "1"}, regular("d/c", "2", 0o755))}},
		{"a folder's mode", false, [][]byte{layerOf(t, regular("a", "1", 0o644), member{Header: tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o700}}, regular("d/c", "2", 0o755))}},
		{"the root's mode", false, [][]byte{layerOf(t, member{Header: tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o700}}, regular("a", "1", 0o644), regular("d/c", "2", 0o755))}},
		{"one more", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755), regular("d/d", "", 0o644))}},
		{"a hard link", false, [][]byte{layerOf(t, regular("a", "1", 0o644), link, regular("d/c", "2", 0o755))}},
		{"a copy in place of the hard link", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("b", "1", 0o644), regular("d/c", "2", 0o755))}},
		{"a device", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755), member{Header: tar.Header{Name: "n", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3}})}},
		{"another device", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755), member{Header: tar.Header{Name: "n", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 5}})}},
		{"a pipe", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755), member{Header: tar.Header{Name: "n", Typeflag: tar.TypeFifo, Mode: 0o666}})}},
		{"a symbolic link", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755), member{Header: tar.Header{Name: "n", Typeflag: tar.TypeSymlink, Linkname: "a"}})}},
		{"another target", false, [][]byte{layerOf(t, regular("a", "1", 0o644), regular("d/c", "2", 0o755), member{Header: tar.Header{Name: "n", Typeflag: tar.TypeSymlink, Linkname: "d"}})}},
		{"nothing", false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			img := contentOf(t, s, test.layers...)
			if img.ID == base.ID {
				t.Fatal("the image is the same: the test proves nothing")
			}
			other, equal := others[img.ContentID]
			if equal != test.same {
				t.Errorf("equal content IDs: %v, want %v (%s)", equal, test.same, other)
			}
			others[img.ContentID] = test.name
		})
	}
}

// TestContentIDTakesTheModeOfAHardLink: when unpacking, a link's own mode and owner
// become those of the file, in the same layer and in one above.
func TestContentIDTakesTheModeOfAHardLink(t *testing.T) {
	named := func(name string, mode int64, link string) member {
		h := tar.Header{Name: name, Mode: mode, Uid: int(mode & 7)}
		if link != "" {
			h.Typeflag, h.Linkname = tar.TypeLink, link
			return member{Header: h}
		}
		return member{h, "data"}
	}
	s := open(t)
	want := contentOf(t, s, layerOf(t, named("a", 0o601, ""), named("b", 0o601, "a"), named("c", 0o601, "a")))
	for name, layers := range map[string][][]byte{
		"one layer":   {layerOf(t, named("a", 0o644, ""), named("b", 0o750, "a"), named("c", 0o601, "b"))},
		"three":       {layerOf(t, named("a", 0o644, "")), layerOf(t, named("b", 0o750, "a")), layerOf(t, named("c", 0o601, "a"))},
		"another way": {layerOf(t, named("a", 0o601, ""), named("c", 0o644, "a"), named("b", 0o601, "c"))},
	} {
		img := contentOf(t, s, layers...)
		if img.ContentID != want.ContentID {
			t.Errorf("%s: %s, want %s", name, img.ContentID, want.ContentID)
		}
		if got, want := identities(t, unpackRoot(t, s, img)), identities(t, unpackRoot(t, s, want)); got != want {
			t.Errorf("%s: unpacked\n%s\nwant\n%s", name, got, want)
		}
	}
}

func unpackRoot(t *testing.T, s *image.Store, img coldstart.Image) string {
	t.Helper()
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestContentIDOfConfiguration(t *testing.T) {
	content := func(lines, arch string) string {
		t.Helper()
		img, err := build(t, open(t), map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n" + lines, "a": "a"}, image.Options{Arch: arch})
		if err != nil {
			t.Fatal(err)
		}
		return img.ContentID
	}
	base := content("ENTRYPOINT [\"/a\"]\nENV A=1\n", "amd64")
	for lines, same := range map[string]bool{
		"ENV A=1\nENTRYPOINT [\"/a\"]\n":                     true,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nLABEL revision=2\n":   true,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nEXPOSE 80\n":          true,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nSTOPSIGNAL 9\n":       true,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nMAINTAINER me\n":      true,
		"ENTRYPOINT [\"/a\"]\nENV A=2\n":                     false,
		"ENTRYPOINT [\"/a\"]\nENV A=1 B=\n":                  false,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nCMD [\"x\"]\n":        false,
		"ENTRYPOINT [\"/a\", \"x\"]\nENV A=1\n":              false,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nWORKDIR /w\n":         false,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nUSER 993\n":           false,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nVOLUME /v\n":          false,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nCOPY a /a2\n":         false,
		"ENTRYPOINT [\"/a\"]\nENV A=1\nCOPY a /\nCOPY a /\n": true,
	} {
		if got := content(lines, "amd64") == base; got != same {
			t.Errorf("equal content IDs: %v, want %v, with\n%s", got, same, lines)
		}
	}
	if content("ENTRYPOINT [\"/a\"]\nENV A=1\n", "arm64") == base {
		t.Error("equal content IDs for two architectures")
	}
}

// TestContentIDMatchesTheUnpackedFiles makes images of random layers. Two of them
// have one content ID if and only if their unpacked folders are alike, which the
// unpacker knows without the tree that content IDs are made of.
func TestContentIDMatchesTheUnpackedFiles(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 1))
	ids, folders, made := map[string]string{}, map[string]string{}, map[string]string{}
	images, alike := 0, 0
	n := 400
	if testing.Short() {
		n = 100
	}
	var s *image.Store
	for i := range n {
		if i%20 == 0 {
			s = open(t) // a store of many images is slow to look through
		}
		layers := randomLayers(t, r)
		img := contentOf(t, s, layers...)
		root, err := s.Unpack(t.Context(), img)
		if err != nil {
			continue // a hard link to nothing
		}
		images++
		folder := identities(t, root)
		if old, ok := folders[img.ContentID]; ok && old != folder {
			t.Fatalf("one content ID for\n%s\nand\n%s\nmade of\n%s\nand\n%s", old, folder, made[img.ContentID], describe(t, layers))
		}
		if old, ok := ids[folder]; ok && old != img.ContentID {
			t.Fatalf("two content IDs for\n%s\nmade of\n%s\nand\n%s", folder, made[old], describe(t, layers))
		} else if ok {
			alike++
		}
		ids[folder], folders[img.ContentID], made[img.ContentID] = img.ContentID, folder, describe(t, layers)
	}
	if images < n*3/4 || alike < n/10 || len(ids) < n/4 {
		t.Errorf("%d images, %d of them like another, %d different: too few to prove anything", images, alike, len(ids))
	}
	t.Logf("%d images, %d of them like another one", images, alike)
}

// randomLayers makes one to three layers out of few names, so that their files
// meet. No layer hides a folder that it has files in, which no engine writes.
func randomLayers(t *testing.T, r *rand.Rand) [][]byte {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var layers [][]byte
	for range 1 + r.IntN(3) {
		var members []member
		for range 1 + r.IntN(3) {
			name := pick("a", "b", "d", "d/a", "d/b", "l", "l/a")
			m := member{Header: tar.Header{Name: name, Mode: 0o644, ModTime: time.Unix(r.Int64N(1e9), 0)}}
			switch pick("file", "file", "folder", "symlink", "hard link", "whiteout", "opaque") {
			case "file":
				m.data = pick("1", "2")
				m.Mode = int64(0o600 + 0o44*r.IntN(2))
			case "folder":
				m.Typeflag, m.Name, m.Mode = tar.TypeDir, name+"/", int64(0o700+0o55*r.IntN(2))
			case "symlink":
				m.Typeflag, m.Linkname = tar.TypeSymlink, pick("a", "d", "/d")
			case "hard link":
				i := slices.IndexFunc(members, func(m member) bool { return m.data != "" })
				if i < 0 {
					continue // engines link only to what is in the layer
				}
				m.Typeflag, m.Linkname = tar.TypeLink, members[i].Name
			case "whiteout":
				m.Name = pick(".wh.a", ".wh.b", "d/.wh.a", "d/.wh.b")
			case "opaque":
				m.Name = "d/.wh..wh..opq"
			}
			members = append(members, m)
		}
		layers = append(layers, layerOf(t, members...))
	}
	return layers
}

// describe lists the entries of layers.
func describe(t *testing.T, layers [][]byte) string {
	t.Helper()
	var text strings.Builder
	for i, l := range layers {
		for tr := tar.NewReader(bytes.NewReader(l)); ; {
			h, err := tr.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "layer %d: %q type %c mode %o link %q size %d\n", i, h.Name, h.Typeflag, h.Mode, h.Linkname, h.Size)
		}
	}
	return text.String()
}

// identities describes the files of a folder by lstat: type, mode, content, link
// and which of them are one file.
func identities(t *testing.T, root string) string {
	t.Helper()
	var text strings.Builder
	var infos []fs.FileInfo
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s %v", name, info.Mode())
		var data []byte
		switch {
		case info.IsDir():
			text.WriteString("\n")
			return nil
		case info.Mode()&fs.ModeSymlink != 0:
			var to string
			to, err = os.Readlink(p)
			data = []byte(to)
		default:
			data, err = os.ReadFile(p)
		}
		i := slices.IndexFunc(infos, func(other fs.FileInfo) bool { return os.SameFile(info, other) })
		if i < 0 {
			i = len(infos)
		}
		infos = append(infos, info)
		fmt.Fprintf(&text, " %s is file %d\n", data, i)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestContentIDIsComputedOnce takes the layers away and asks again.
func TestContentIDIsComputedOnce(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir(), "layers")); err != nil {
		t.Fatal(err)
	}
	blobs, err := filepath.Glob(filepath.Join(s.Dir(), "blobs", "sha256", "*"))
	if err != nil || len(blobs) != 3 {
		t.Fatalf("blobs %q, %v", blobs, err)
	}
	// Cut in place: whoever reads one fails.
	for _, b := range blobs {
		info, err := os.Stat(b)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 0 && !isJSON(t, b) {
			if err := os.WriteFile(b, make([]byte, info.Size()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, err := s.Get(t.Context(), img.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again.ContentID != img.ContentID || again.SizeBytes != img.SizeBytes || s.KnownContentID(img.ID) != img.ContentID {
		t.Errorf("got %+v, want %+v", again, img)
	}
	if id, ok := s.FindContent(img.ContentID); !ok || id != img.ID {
		t.Errorf("found %q, %v", id, ok)
	}
	if id, ok := s.FindContent("sha256:none"); ok || s.KnownContentID("sha256:none") != "" {
		t.Errorf("found %q for no image", id)
	}
}

func isJSON(t *testing.T, name string) bool {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.HasPrefix(data, []byte("{"))
}
