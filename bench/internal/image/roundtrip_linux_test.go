package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/bench/internal/image"
)

// TestRoundTrip builds random contexts, imports the images into another store
// and unpacks them there: lstat says what the layers say.
func TestRoundTrip(t *testing.T) {
	s, files := open(t), 0
	for seed := range uint64(30) {
		g := newBuildGenerator(t, 1000+seed)
		g.context()
		text := "FROM scratch AS s\nCOPY . /\nCOPY --chown=3:4 . /x/y/\nFROM scratch\nCOPY --from=s / /\nWORKDIR /x/w\n"
		g.check(os.WriteFile(filepath.Join(g.dir, "Dockerfile"), []byte(text), 0o644))
		g.stamp("Dockerfile", 0o644)
		img, err := s.Build(t.Context(), variant(g.dir), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := s.WriteTar(t.Context(), img.ID, &buf); err != nil {
			t.Fatal(err)
		}
		want := described(t, buf.Bytes())
		other := open(t)
		imported, err := other.Put(t.Context(), "x", &buf)
		if err != nil || imported.ID != img.ID {
			t.Fatalf("imported as %s, %v, want %s", imported.ID, err, img.ID)
		}
		root, err := other.Unpack(t.Context(), imported)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range diff(asUnpacked(want), asUnpacked(lstatted(t, root))) {
			t.Errorf("seed %d: %s\n%s", seed, line, strings.Join(g.log, "\n"))
		}
		files += len(want)
	}
	if files < 300 {
		t.Errorf("only %d files were compared", files)
	}
}

// described lists the files that the layers of an archive for docker load come
// to, by their headers alone. There are no whiteouts in it.
func described(t *testing.T, archive []byte) map[string]seenFile {
	t.Helper()
	members := membersOf(t, archive)
	var manifests []struct{ Layers []string }
	if err := json.Unmarshal(members["manifest.json"], &manifests); err != nil {
		t.Fatal(err)
	}
	list, ids, next := map[string]seenFile{}, map[string]int{}, 0
	for _, name := range manifests[0].Layers {
		var r io.Reader = bytes.NewReader(members[name])
		if bytes.HasPrefix(members[name], []byte("\x1f\x8b")) {
			zip, err := gzip.NewReader(r)
			if err != nil {
				t.Fatal(err)
			}
			r = zip
		}
		layer := tar.NewReader(r)
		for {
			h, err := layer.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := path.Clean(h.Name)
			if h.Typeflag == tar.TypeLink {
				list[name], ids[name] = list[h.Linkname], ids[h.Linkname]
				continue
			}
			sum := sha256.New()
			if _, err := io.Copy(sum, layer); err != nil {
				t.Fatal(err)
			}
			next++
			ids[name] = next
			list[name] = seenFile{Type: h.Typeflag, Mode: h.Mode, UID: h.Uid, GID: h.Gid, Seconds: h.ModTime.Unix(), Link: h.Linkname, Sum: fmt.Sprintf("%x", sum.Sum(nil)[:4])}
		}
	}
	names := map[int][]string{}
	for name, id := range ids {
		names[id] = append(names[id], name)
	}
	for _, group := range names {
		if len(group) > 1 {
			enterNames(list, group)
		}
	}
	return list
}

// membersOf returns the files of a tar archive.
func membersOf(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	members := map[string][]byte{}
	tr := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return members
		}
		if err == nil {
			members[h.Name], err = io.ReadAll(tr)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
