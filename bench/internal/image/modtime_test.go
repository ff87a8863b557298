package image_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// stamp is a moment of the tests, with a part of a second as PAX headers have it.
func stamp(seconds int64) time.Time { return time.Unix(1_500_000_000+seconds, 123456789) }

// stamped gives a header a time. Only PAX keeps parts of a second.
func stamped(h tar.Header, at time.Time) tar.Header {
	h.ModTime, h.Format = at, tar.FormatPAX
	return h
}

// put enters layers as an image.
func put(t *testing.T, s *image.Store, layers ...[]byte) coldstart.Image {
	t.Helper()
	img, err := s.Put(t.Context(), "x", bytes.NewReader(saved(t, "amd64", layers...)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// modTime returns the modification time of a file, not of what a link names.
func modTime(t *testing.T, name string) time.Time {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// TestUnpackKeepsModTimes: files, folders and links have the times that the
// layers give them, whatever is made in the folders afterwards.
func TestUnpackKeepsModTimes(t *testing.T) {
	s := open(t)
	img := put(t, s,
		layerTar(t,
			stamped(dir(".", 0o755), stamp(1)),
			stamped(dir("a", 0o755), stamp(2)),
			stamped(dir("closed", 0o555), stamp(3)),
			stamped(file("closed/in"), stamp(4)),
			stamped(symlink("to-file", "a/file"), stamp(5)),
			stamped(symlink("to-nothing", "/no/such"), stamp(6)),
			stamped(dir("tmp", 0o1777), stamp(7)),
			stamped(file("old"), time.Unix(-1, 0)),
			stamped(file("far"), time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)),
			stamped(file("replaced"), stamp(8)),
			stamped(dir("described-again", 0o755), stamp(9)),
			stamped(file("implied/in"), stamp(15)),
		),
		layerTar(t,
			stamped(file("a/file"), stamp(10)),
			stamped(hardlink("a/hard", "a/file"), stamp(10)),
			stamped(file("replaced"), stamp(11)),
			stamped(dir("described-again", 0o755), stamp(12)),
			file("closed/.wh.in"),
			file("v7"),
		),
	)
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]time.Time{
		".": stamp(1), "a": stamp(2), "closed": stamp(3), "to-file": stamp(5), "to-nothing": stamp(6), "tmp": stamp(7),
		"old": time.Unix(-1, 0), "a/file": stamp(10), "a/hard": stamp(10), "replaced": stamp(11), "described-again": stamp(12),
		"implied/in": stamp(15), "v7": time.Unix(0, 0), "implied": time.Unix(0, 0), "dev": time.Unix(0, 0),
	} {
		if got := modTime(t, filepath.Join(root, name)); !got.Equal(want) {
			t.Errorf("%s is of %v, want %v", name, got.UTC(), want.UTC())
		}
	}
	// A file system may end before the year 2300, but not wrap around.
	if got := modTime(t, filepath.Join(root, "far")); got.Year() < 2038 {
		t.Errorf("a file of the year 2300 is of %v", got)
	}
	// The fresh image of bench aws --redeploy shares these files.
	fresh, err := s.UnpackFresh(t.Context(), img, []byte("fresh"))
	if err != nil {
		t.Fatal(err)
	}
	if want, got := listing(t, root), listing(t, fresh.Root); strings.Replace(got, freshLine(t, got), "", 1) != want {
		t.Errorf("a fresh image holds\n%s\nwant\n%s", got, want)
	}
}

// freshLine returns the line of a listing that a fresh image adds.
func freshLine(t *testing.T, listing string) string {
	t.Helper()
	for line := range strings.Lines(listing) {
		if strings.Contains(line, " 1970-01-01T00:00:00Z .bench-fresh ") {
			return line
		}
	}
	t.Fatalf("no fresh file of 1970 in\n%s", listing)
	return ""
}

// TestUnpackAgainAfterUpgrade: a folder that a bench before version 2 unpacked,
// which had the time of unpacking everywhere, is not used.
func TestUnpackAgainAfterUpgrade(t *testing.T) {
	s := open(t)
	img := put(t, s, layerTar(t, stamped(dir("app", 0o755), stamp(1)), stamped(file("app/x.pyc"), stamp(2))))
	// As version 1 laid it out.
	place := filepath.Join(s.Dir(), "roots", strings.TrimPrefix(img.ID, "sha256:"))
	files(t, filepath.Join(place, "root"), map[string]string{"app/x.pyc": "app/x.pyc", "dev/": "", "proc/": "", "tmp/": ""})
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if got := modTime(t, filepath.Join(root, "app", "x.pyc")); !got.Equal(stamp(2)) {
		t.Errorf("a file unpacked again is of %v, want %v", got, stamp(2))
	}
	// It goes when no running bench can be using it any more.
	if _, err := os.Stat(place); err != nil {
		t.Errorf("a folder of today was removed: %v", err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(place, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prune(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(place); err == nil {
		t.Error("the folder of version 1 was never removed")
	}
	if _, err := os.Stat(root); err != nil {
		t.Error(err)
	}
}
