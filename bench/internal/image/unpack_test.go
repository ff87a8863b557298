package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"coldbench/bench/internal/image"
)

// layerTar writes a layer out of headers; a regular file holds its own name.
func layerTar(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, h := range headers {
		var data string
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Typeflag, data = tar.TypeReg, h.Name
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		h.Size = int64(len(data))
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// saved makes a stream of docker save out of layers.
func saved(t testing.TB, arch string, layers ...[]byte) []byte {
	t.Helper()
	var config struct {
		Architecture string              `json:"architecture"`
		OS           string              `json:"os"`
		RootFS       map[string]any      `json:"rootfs"`
		Config       map[string][]string `json:"config"`
	}
	config.Architecture, config.OS = arch, "linux"
	config.Config = map[string][]string{"Entrypoint": {"/e"}, "Env": {"A=1"}}
	ids, names := []string{}, []string{}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	add := func(name string, data []byte) {
		if err := tw.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range layers {
		ids = append(ids, fmt.Sprintf("sha256:%x", sha256.Sum256(l)))
		names = append(names, fmt.Sprintf("%d/layer.tar", i))
		add(names[i], l)
	}
	config.RootFS = map[string]any{"type": "layers", "diff_ids": ids}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	add("config.json", raw)
	raw, err = json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{"x:latest"}, "Layers": names}})
	if err != nil {
		t.Fatal(err)
	}
	add("manifest.json", raw)
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// listed lists what is in a folder; files with their content.
func listed(t testing.TB, root string) []string {
	t.Helper()
	var got []string
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %o", rel, info.Mode().Perm())
		switch {
		case e.IsDir():
			line = fmt.Sprintf("%s/ %o", rel, info.Mode().Perm())
			if rel == "dev" || rel == "proc" || rel == "sys" || rel == "tmp" {
				return nil
			}
		case e.Type()&fs.ModeSymlink != 0:
			link, _ := os.Readlink(p)
			line = rel + " -> " + link
		case e.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += " " + string(data)
		}
		got = append(got, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(got)
	return withoutMountPoint(got)
}

// withoutMountPoint leaves out the empty etc/hosts that every root has, and its
// folder if it is alone there.
func withoutMountPoint(lines []string) []string {
	i := slices.Index(lines, "etc/hosts 644 ")
	if i < 0 {
		return lines
	}
	lines = slices.Delete(lines, i, i+1)
	if i := slices.Index(lines, "etc/ 755"); i >= 0 && (i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "etc/")) {
		lines = slices.Delete(lines, i, i+1)
	}
	return lines
}

func dir(name string, mode int64) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode}
}

func symlink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
}

func hardlink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to}
}

func file(name string) tar.Header { return tar.Header{Name: name} }

func TestUnpackLayers(t *testing.T) {
	type layers = [][]tar.Header
	for _, test := range []struct {
		name   string
		layers layers
		want   []string
	}{
		{"a file and its folder", layers{{file("a/b")}}, []string{"a/ 755", "a/b 644 a/b"}},
		{"modes", layers{{dir("a", 0o700), {Name: "a/x", Mode: 0o4755}, {Name: "a/y", Mode: 0o400}}}, []string{"a/ 700", "a/x 755 a/x", "a/y 400 a/y"}},
		{"a folder nobody can write to", layers{{dir("a", 0o555), file("a/b")}, {file("a/c")}}, []string{"a/ 555", "a/b 644 a/b", "a/c 644 a/c"}},
		{"leading slash and dots", layers{{dir("./", 0o755), file("/a"), file("./b"), file("c/./d//e")}}, []string{"a 644 /a", "b 644 ./b", "c/ 755", "c/d/ 755", "c/d/e 644 c/./d//e"}},
		{"whiteout", layers{{file("a/b"), file("a/c"), file("d/e")}, {file("a/.wh.b"), file(".wh.d")}}, []string{"a/ 755", "a/c 644 a/c"}},
		{"opaque", layers{{file("a/b"), file("a/c/d")}, {dir("a", 0o700), file("a/new"), file("a/.wh..wh..opq"), file("a/newer")}}, []string{"a/ 700", "a/new 644 a/new", "a/newer 644 a/newer"}},
		{"opaque keeps what its own layer has below", layers{{file("a/c/d"), file("a/c/e")}, {file("a/c/e"), file("a/.wh..wh..opq")}}, []string{"a/ 755", "a/c/ 755", "a/c/e 644 a/c/e"}},
		{"whiteout and file in one layer", layers{{file("a")}, {file("a"), file(".wh.a")}}, []string{"a 644 a"}},
		{"whiteout and folder in one layer", layers{{file("a/b"), file("a/c")}, {file("a/b"), file(".wh.a")}}, []string{"a/ 755", "a/b 644 a/b"}},
		{"file over folder", layers{{file("a/b")}, {file("a")}}, []string{"a 644 a"}},
		{"folder over file", layers{{file("a")}, {file("a/b")}}, []string{"a/ 755", "a/b 644 a/b"}},
		{"folder over link", layers{{symlink("a", "/etc"), dir("etc", 0o755)}, {dir("a", 0o755), file("a/b")}}, []string{"a/ 755", "a/b 644 a/b"}},
		{"file over link", layers{{symlink("a", "b"), file("b")}, {file("a")}}, []string{"a 644 a", "b 644 b"}},
		{"through a link", layers{{dir("usr/lib", 0o755), symlink("lib", "usr/lib"), symlink("abs", "/usr/lib")}, {file("lib/x"), file("abs/y")}}, []string{"abs -> /usr/lib", "lib -> usr/lib", "usr/ 755", "usr/lib/ 755", "usr/lib/x 644 lib/x", "usr/lib/y 644 abs/y"}},
		{"hard links", layers{{file("a/b"), hardlink("c", "a/b"), hardlink("d", "/a/b")}}, []string{"a/ 755", "a/b 644 a/b", "c 644 a/b", "d 644 a/b"}},
		{"devices are left out", layers{{{Name: "d", Typeflag: tar.TypeChar}, {Name: "b", Typeflag: tar.TypeBlock}, {Name: "f", Typeflag: tar.TypeFifo}, file("x")}}, []string{"x 644 x"}},
		{"mount points become folders", layers{{symlink("tmp", "/etc"), file("dev"), file("etc/x")}}, []string{"etc/ 755", "etc/x 644 etc/x"}},
		{"an image's own hosts", layers{{file("etc/hosts")}}, []string{"etc/ 755", "etc/hosts 644 etc/hosts"}},
		{"hosts is a link to nothing", layers{{symlink("etc/hosts", "../run/a/hosts")}}, []string{"etc/ 755", "etc/hosts -> ../run/a/hosts", "run/ 755", "run/a/ 755", "run/a/hosts 644 "}},
		{"hosts is a folder", layers{{file("etc/hosts/x"), file("etc/y")}}, []string{"etc/ 755", "etc/y 644 etc/y"}},
		{"etc is a link", layers{{symlink("etc", "/private/etc")}}, []string{"etc -> /private/etc", "private/ 755", "private/etc/ 755", "private/etc/hosts 644 "}},
		{"links that lead out stay links", layers{{symlink("a", "../../../../etc/passwd"), symlink("b", "/etc/passwd")}}, []string{"a -> ../../../../etc/passwd", "b -> /etc/passwd"}},
		{"writing through links that lead out stays inside", layers{{symlink("a", "../../../../out"), symlink("b", "/out/deeper"), file("a/x"), file("b/y")}}, []string{"a -> ../../../../out", "b -> /out/deeper", "out/ 755", "out/deeper/ 755", "out/deeper/y 644 b/y", "out/x 644 a/x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			var tars [][]byte
			for _, l := range test.layers {
				tars = append(tars, layerTar(t, l...))
			}
			img, err := s.Put(t.Context(), "x", bytes.NewReader(saved(t, "amd64", tars...)))
			if err != nil {
				t.Fatal(err)
			}
			root, err := s.Unpack(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() != 0 {
				for i, line := range test.want {
					test.want[i] = strings.Replace(line, "/ 555", "/ 755", 1)
				}
			}
			if got := listed(t, root); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(test.want, "\n "))
			}
			for _, name := range []string{"dev", "proc", "sys", "tmp"} {
				if info, err := os.Lstat(filepath.Join(root, name)); err != nil || !info.IsDir() {
					t.Errorf("mount point %s: %v", name, err)
				}
			}
			again, err := s.Unpack(t.Context(), img)
			if err != nil || again != root {
				t.Errorf("the second time %q, %v, want %q", again, err, root)
			}
		})
	}
}

// TestUnpackHostile gives archives that try to write elsewhere.
func TestUnpackHostile(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []tar.Header
	}{
		{"dots", []tar.Header{file("../out")}},
		{"dots inside", []tar.Header{file("a/../../out")}},
		{"only dots", []tar.Header{dir("..", 0o777)}},
		{"hard link out", []tar.Header{hardlink("a", "../../etc/passwd")}},
		{"hard link to nothing", []tar.Header{hardlink("a", "/etc/passwd")}},
		{"hard link through a link", []tar.Header{symlink("e", "/etc"), hardlink("a", "e/passwd")}},
		{"links in a circle", []tar.Header{symlink("a", "b"), symlink("b", "a"), file("a/x")}},
		{"whiteout of the folder above", []tar.Header{file("a/.wh...")}},
		{"whiteout of the folder itself", []tar.Header{file(".wh..")}},
		{"the root as a file", []tar.Header{file(".")}},
		{"the root as a link", []tar.Header{symlink(".", "/etc")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			img, err := s.Put(t.Context(), "x", bytes.NewReader(saved(t, "amd64", layerTar(t, test.headers...))))
			if err == nil {
				_, err = s.Unpack(t.Context(), img)
			}
			if err == nil {
				t.Error("it was unpacked")
			}
			left, _ := os.ReadDir(filepath.Join(s.Dir(), "tmp"))
			roots, _ := os.ReadDir(filepath.Join(s.Dir(), "roots"))
			if len(left)+len(roots) > 0 {
				t.Errorf("%d unfinished files and %d folders are left", len(left), len(roots))
			}
			if _, err := os.Stat(filepath.Join(s.Dir(), "tmp", "out")); err == nil {
				t.Error("a file was written outside")
			}
		})
	}
}

// FuzzUnpack unpacks archives of all kinds: whatever they hold, nothing outside
// of the image's folder is touched.
func FuzzUnpack(f *testing.F) {
	f.Add(layerTar(f, file("a/b"), symlink("c", "a"), file("c/d"), hardlink("e", "a/b")))
	f.Add(layerTar(f, file("../x"), symlink("a", "/"), file("a/../../y")))
	f.Add(layerTar(f, dir("a", 0), file("a/.wh..wh..opq"), file(".wh.a")))
	f.Add(layerTar(f, symlink("a", "../.."), symlink("a/b", "../../.."), dir("a/b/c", 0o777), file("a/b/c/outside")))
	f.Fuzz(func(t *testing.T, layer []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "witness"), []byte("untouched"), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := image.OpenStore(filepath.Join(dir, "images"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := s.Put(t.Context(), "x", bytes.NewReader(saved(t, "amd64", layer)))
		if err == nil {
			_, err = s.Unpack(t.Context(), img)
		}
		entries, rerr := os.ReadDir(dir)
		data, werr := os.ReadFile(filepath.Join(dir, "witness"))
		if rerr != nil || werr != nil || len(entries) != 2 || string(data) != "untouched" {
			t.Fatalf("outside of the store there is now %v, the witness says %q", entries, data)
		}
		for _, sub := range []string{"tmp", "roots"} {
			entries, rerr := os.ReadDir(filepath.Join(s.Dir(), sub))
			if rerr != nil || err != nil && len(entries) > 0 || sub == "tmp" && len(entries) > 0 {
				t.Fatalf("%s holds %v after %v", sub, entries, err)
			}
		}
	})
}
