package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"

	"github.com/klauspost/compress/zstd"
)

// part is a file of an archive; a link where it has one.
type part struct {
	name, link string
	data       []byte
}

// archived writes a tar archive by hand, folders left out.
func archived(t testing.TB, parts []part) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, p := range parts {
		h := &tar.Header{Name: p.name, Size: int64(len(p.data)), Mode: 0o644, Typeflag: tar.TypeReg}
		if p.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, p.link
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(p.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// gzipped compresses in another way than the store does.
func gzipped(data []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.HuffmanOnly)
	w.Write(data)
	w.Close()
	return buf.Bytes()
}

func zstded(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(data, nil)
}

func hexOf(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type object = map[string]any

// configOf writes the configuration of an image with layers.
func configOf(t testing.TB, arch string, layers ...[]byte) []byte {
	t.Helper()
	ids := []string{}
	for _, l := range layers {
		ids = append(ids, "sha256:"+hexOf(l))
	}
	return asJSON(t, object{
		"architecture": arch, "os": "linux", "config": object{"Entrypoint": []string{"/e"}},
		"rootfs": object{"type": "layers", "diff_ids": ids},
	})
}

// The two layers that every image of these tests has.
func twoLayers(t testing.TB) (lower, upper []byte) {
	return layerTar(t, file("lower"), file("both")), layerTar(t, file("upper"))
}

// savedParts is docker save from 1.10 to 24: one folder a layer, an equal layer
// as a link, and the older generation's files beside them.
func savedParts(t testing.TB, arch string, tags []string) (parts []part, id string) {
	lower, upper := twoLayers(t)
	config := configOf(t, arch, lower, upper, lower)
	a, b, c := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	return []part{
		{name: a + "/VERSION", data: []byte("1.0")},
		{name: a + "/json", data: []byte("{}")},
		{name: a + "/layer.tar", data: lower},
		{name: b + "/layer.tar", data: upper},
		{name: c + "/layer.tar", link: "../" + a + "/layer.tar"},
		{name: hexOf(config) + ".json", data: config},
		{name: "manifest.json", data: asJSON(t, []object{{
			"Config": hexOf(config) + ".json", "RepoTags": tags,
			"Layers": []string{a + "/layer.tar", b + "/layer.tar", c + "/layer.tar"},
		}})},
		{name: "repositories", data: []byte(`{}`)},
	}, "sha256:" + hexOf(config)
}

// layout collects the blobs of an OCI layout.
type layout struct {
	t     testing.TB
	blobs []part
}

func (l *layout) blob(media string, data []byte) object {
	l.blobs = append(l.blobs, part{name: "blobs/sha256/" + hexOf(data), data: data})
	return object{"mediaType": media, "digest": "sha256:" + hexOf(data), "size": len(data)}
}

const (
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// image adds an image whose layers are packed as told, and returns the
// descriptor of its manifest and its ID.
func (l *layout) image(arch string, pack ...func([]byte) (string, []byte)) (object, string) {
	lower, upper := twoLayers(l.t)
	config := configOf(l.t, arch, lower, upper)
	layers := []object{}
	for i, plain := range [][]byte{lower, upper} {
		layers = append(layers, l.blob(pack[i](plain)))
	}
	d := l.blob(ociManifest, asJSON(l.t, object{
		"schemaVersion": 2, "mediaType": ociManifest, "config": l.blob(ociConfig, config), "layers": layers,
	}))
	d["platform"] = object{"os": "linux", "architecture": arch}
	return d, "sha256:" + hexOf(config)
}

func plainLayer(data []byte) (string, []byte) { return ociLayer, data }
func gzipLayer(data []byte) (string, []byte)  { return ociLayer + "+gzip", gzipped(data) }
func zstdLayer(data []byte) (string, []byte)  { return ociLayer + "+zstd", zstded(data) }

// attestation is what BuildKit puts beside an image.
func (l *layout) attestation(about object) object {
	d := l.blob(ociManifest, asJSON(l.t, object{
		"schemaVersion": 2, "mediaType": ociManifest, "config": l.blob(ociConfig, []byte(`{"architecture":"unknown","os":"unknown"}`)),
		"layers": []object{l.blob("application/vnd.in-toto+json", []byte(`{}`))},
	}))
	d["platform"] = object{"os": "unknown", "architecture": "unknown"}
	d["annotations"] = object{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about["digest"]}
	return d
}

func (l *layout) index(manifests ...object) object {
	return l.blob(ociIndex, asJSON(l.t, object{"schemaVersion": 2, "mediaType": ociIndex, "manifests": manifests}))
}

// named gives a descriptor the names that containerd gives it.
func named(d object, ref string) object {
	_, tag, _ := strings.Cut(ref, ":")
	d["annotations"] = object{"io.containerd.image.name": "docker.io/library/" + ref, "org.opencontainers.image.ref.name": tag}
	return d
}

// parts returns the layout's files.
func (l *layout) parts(manifests ...object) []part {
	return append(l.blobs,
		part{name: "oci-layout", data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		part{name: "index.json", data: asJSON(l.t, object{"schemaVersion": 2, "mediaType": ociIndex, "manifests": manifests})},
	)
}

// imported imports an archive and checks that all of it is there.
func imported(t *testing.T, archive []byte, o image.ImportOptions) (coldstart.Image, []string) {
	t.Helper()
	s := open(t)
	img, refs, err := s.ImportStream(t.Context(), bytes.NewReader(archive), o)
	if err != nil {
		t.Fatal(err)
	}
	checkImported(t, s, img)
	return img, refs
}

func checkImported(t *testing.T, s *image.Store, img coldstart.Image) {
	t.Helper()
	for _, name := range []string{"lower", "both", "upper"} {
		if got := unpacked(t, s, img, name); got != name {
			t.Errorf("%s holds %q", name, got)
		}
	}
	if len(img.Entrypoint) != 1 || img.Entrypoint[0] != "/e" {
		t.Errorf("entrypoint %q, want /e", img.Entrypoint)
	}
	if left, _ := os.ReadDir(filepath.Join(s.Dir(), "tmp")); len(left) > 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
}

func TestImportTakesEveryGeneration(t *testing.T) {
	saved, savedID := savedParts(t, "amd64", []string{"app:1", "app:latest"})
	lower, upper := twoLayers(t)
	config := configOf(t, "amd64", lower, upper)
	mixed := []part{
		{name: "./sha256:" + hexOf(config), data: config},
		{name: "./0.tar", data: lower},
		{name: "./1.tar.gz", data: gzipped(upper)},
		{name: "./manifest.json", data: asJSON(t, []object{{"Config": "sha256:" + hexOf(config), "RepoTags": []string{"mixed:1"}, "Layers": []string{"0.tar", "1.tar.gz"}}})},
	}

	containerd := &layout{t: t}
	child, childID := containerd.image("amd64", plainLayer, gzipLayer)
	fromContainerd := containerd.parts(named(containerd.index(child, containerd.attestation(child)), "store:1"))
	fromContainerd = append(fromContainerd, part{name: "manifest.json", data: asJSON(t, []object{{"Config": "blobs/sha256/" + childID[7:], "RepoTags": []string{"store:1"}, "Layers": []string{}}})})

	packed := &layout{t: t}
	child, packedID := packed.image("amd64", zstdLayer, gzipLayer)
	fromZstd := packed.parts(named(child, "packed:1"), packed.attestation(child))

	mislabelled := &layout{t: t}
	child, mislabelledID := mislabelled.image("amd64",
		func(data []byte) (string, []byte) { return ociLayer + "+gzip", data },
		func(data []byte) (string, []byte) { return ociLayer, gzipped(data) })
	fromMislabelled := mislabelled.parts(named(child, "label:1"))

	for _, c := range []struct {
		name  string
		parts []part
		id    string
		refs  []string
	}{
		{"docker save 1.10 to 24", saved, savedID, []string{"app:1", "app:latest"}},
		{"a plain layer and one of gzip", mixed, "sha256:" + hexOf(config), []string{"mixed:1"}},
		{"a containerd image store", fromContainerd, childID, []string{"store:1"}},
		{"layers of zstd and gzip", fromZstd, packedID, []string{"packed:1"}},
		{"media types that are wrong", fromMislabelled, mislabelledID, []string{"label:1"}},
	} {
		plain := archived(t, c.parts)
		for packing, archive := range map[string][]byte{"plain": plain, "gzip": gzipped(plain), "zstd": zstded(plain)} {
			t.Run(c.name+", "+packing, func(t *testing.T) {
				img, refs := imported(t, archive, image.ImportOptions{})
				if img.ID != c.id || !reflect.DeepEqual(refs, c.refs) {
					t.Errorf("image %s as %q, want %s as %q", img.ID, refs, c.id, c.refs)
				}
				// A name given by hand replaces those of the file.
				if _, refs := imported(t, archive, image.ImportOptions{Ref: "mine:2"}); !reflect.DeepEqual(refs, []string{"mine:2"}) {
					t.Errorf("entered as %q", refs)
				}
			})
		}
	}
}

// The first generation has no manifest.json, and its IDs are made by the engine
// that loads it; TestImportAgainstDocker compares them.
func TestImportTakesTheGenerationBeforeManifests(t *testing.T) {
	lower, upper := twoLayers(t)
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	old := object{"id": a, "architecture": "amd64", "os": "linux", "docker_version": "1.9.1", "created": "2015-01-02T03:04:05Z", "config": object{"Entrypoint": []string{"/e"}}, "Size": 9}
	top := object{"id": b, "parent": a, "architecture": "amd64", "os": "linux", "docker_version": "1.9.1", "created": "2015-01-02T03:04:05Z", "config": object{"Entrypoint": []string{"/e"}}}
	archive := archived(t, []part{
		{name: b + "/json", data: asJSON(t, top)}, {name: b + "/layer.tar", data: upper},
		{name: a + "/json", data: asJSON(t, old)}, {name: a + "/layer.tar", data: lower},
		{name: "repositories", data: asJSON(t, object{"legacy": object{"1": b, "2": b}})},
	})
	img, refs := imported(t, archive, image.ImportOptions{})
	if want := []string{"legacy:1", "legacy:2"}; !reflect.DeepEqual(refs, want) || img.Layers != 2 {
		t.Errorf("%d layers as %q, want 2 as %q", img.Layers, refs, want)
	}
	loop := []part{
		{name: "a/json", data: []byte(`{"parent":"b"}`)}, {name: "a/layer.tar", data: lower},
		{name: "b/json", data: []byte(`{"parent":"a"}`)}, {name: "b/layer.tar", data: upper},
		{name: "repositories", data: []byte(`{"x":{"1":"a"}}`)},
	}
	refused(t, archived(t, loop), image.ImportOptions{}, "layer a is its own parent")
}

// A layer that is compressed with gzip keeps its bytes, and so the manifest its
// digest, which is what a registry calls the image.
func TestImportKeepsTheDigest(t *testing.T) {
	l := &layout{t: t}
	child, _ := l.image("amd64", gzipLayer, gzipLayer)
	img, _ := imported(t, archived(t, l.parts(named(child, "x:1"))), image.ImportOptions{})
	if img.Digest != child["digest"] {
		t.Errorf("digest %s, want %s", img.Digest, child["digest"])
	}
}

// TestImportEntersEveryName: an index lists an image once for each of its names.
func TestImportEntersEveryName(t *testing.T) {
	l := &layout{t: t}
	one, _ := l.image("amd64", plainLayer, gzipLayer)
	two := maps.Clone(one)
	archive := archived(t, l.parts(named(one, "one:1"), named(two, "two:1"), named(maps.Clone(one), "one:1")))
	if _, refs := imported(t, archive, image.ImportOptions{}); !slices.Equal(refs, []string{"one:1", "two:1"}) {
		t.Errorf("entered as %q", refs)
	}
}

// onDisk writes an archive's files into a folder.
func onDisk(t *testing.T, parts []part) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range parts {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(p.name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), p.data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestImportTakesFilesAndFolders(t *testing.T) {
	l := &layout{t: t}
	child, id := l.image("amd64", plainLayer, gzipLayer)
	parts := l.parts(named(child, "x:1"))
	archive := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(archive, archived(t, parts), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{archive, onDisk(t, parts)} {
		s := open(t)
		img, _, err := s.Import(t.Context(), name, image.ImportOptions{})
		if err != nil || img.ID != id {
			t.Fatalf("%s gave %s, %v, want %s", name, img.ID, err, id)
		}
		checkImported(t, s, img)
	}
	if _, err := os.Stat(archive); err != nil {
		t.Error(err)
	}
}

func TestImportPicksThePlatform(t *testing.T) {
	l := &layout{t: t}
	amd, amdID := l.image("amd64", plainLayer, gzipLayer)
	arm, armID := l.image("arm64", plainLayer, gzipLayer)
	gone := object{"mediaType": ociManifest, "digest": "sha256:" + strings.Repeat("0", 64), "size": 3, "platform": object{"os": "linux", "architecture": "s390x"}}
	both := archived(t, l.parts(named(l.index(gone, arm, l.attestation(arm), amd), "x:1")))
	own := map[string]string{"amd64": amdID, "arm64": armID}[runtime.GOARCH]
	for arch, want := range map[string]string{"amd64": amdID, "arm64": armID, "": own} {
		if img, _ := imported(t, both, image.ImportOptions{Arch: arch}); img.ID != want {
			t.Errorf("for %q %s, want %s", arch, img.ID, want)
		}
	}
	l = &layout{t: t}
	arm, _ = l.image("arm64", plainLayer, gzipLayer)
	one := archived(t, l.parts(named(l.index(arm, gone), "x:1")))
	if img, _ := imported(t, one, image.ImportOptions{}); img.Arch != "arm64" {
		t.Errorf("the only platform is arm64, got %s", img.Arch)
	}
	refused(t, one, image.ImportOptions{Arch: "amd64"}, "it has content for linux/arm64 only, not for linux/amd64")
	refused(t, archived(t, (&layout{t: t}).parts(gone)), image.ImportOptions{}, "it has content for none of linux/s390x")
}

// refused imports what is to be refused, and checks that nothing is entered.
func refused(t *testing.T, archive []byte, o image.ImportOptions, want string) (hint string) {
	t.Helper()
	s := open(t)
	img, refs, err := s.ImportStream(t.Context(), bytes.NewReader(archive), o)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	checkEmpty(t, s)
	if img.ID != "" || refs != nil {
		t.Errorf("an error came with %s as %q", img.ID, refs)
	}
	return advice.HintOf(err)
}

func checkEmpty(t testing.TB, s *image.Store) {
	t.Helper()
	if list, err := s.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("the store lists %d images, %v, after an error", len(list), err)
	}
	if left, _ := os.ReadDir(filepath.Join(s.Dir(), "tmp")); len(left) > 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
}

func TestImportAsksWhichImage(t *testing.T) {
	one, oneID := savedParts(t, "amd64", []string{"one:1", "one:2"})
	two, twoID := savedParts(t, "arm64", []string{"two:1"})
	bare, bareID := savedParts(t, "riscv64", nil)
	var entries []object
	var parts []part
	for _, list := range [][]part{one, two, bare} {
		for _, p := range list {
			if p.name == "manifest.json" {
				var m []object
				if err := json.Unmarshal(p.data, &m); err != nil {
					t.Fatal(err)
				}
				entries = append(entries, m...)
				continue
			}
			parts = append(parts, p)
		}
	}
	archive := archived(t, append(parts, part{name: "manifest.json", data: asJSON(t, entries)}))
	hint := refused(t, archive, image.ImportOptions{}, "it has several images: one:1 = one:2, two:1, "+bareID[:19])
	if !strings.Contains(hint, "--image NAME") {
		t.Errorf("hint %q", hint)
	}
	refused(t, archive, image.ImportOptions{Image: "three"}, "it has no image three, only one:1 = one:2, two:1, "+bareID[:19])
	hint = refused(t, archive, image.ImportOptions{Image: bareID}, "it gives its image no reference")
	if !strings.Contains(hint, "--as REFERENCE") {
		t.Errorf("hint %q", hint)
	}
	for name, want := range map[string]string{
		"one:2": oneID, "docker.io/library/two:1": twoID, twoID: twoID, bareID[7:15]: bareID,
	} {
		if img, _ := imported(t, archive, image.ImportOptions{Image: name, Ref: "r"}); img.ID != want {
			t.Errorf("%s gave %s, want %s", name, img.ID, want)
		}
	}
	// Every tag of the one that is chosen is entered.
	s := open(t)
	if _, _, err := s.ImportStream(t.Context(), bytes.NewReader(archive), image.ImportOptions{Image: "one:1"}); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"one:1", "one:2"} {
		if img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: "amd64", PullTimeout: -1}); err != nil || img.ID != oneID {
			t.Errorf("%s is %s, %v", ref, img.ID, err)
		}
	}
}

func TestImportSaysWhatElseItIs(t *testing.T) {
	saved, _ := savedParts(t, "amd64", []string{"x:1"})
	whole := archived(t, saved)
	lower, _ := twoLayers(t)
	for _, c := range []struct {
		name    string
		archive []byte
		err     string
		hint    string
	}{
		{"docker export", archived(t, []part{{name: ".dockerenv"}, {name: "etc/hosts"}}), "it is a bare file system, as docker export writes it", "docker commit"},
		{"a root", archived(t, []part{{name: "./bin/sh"}, {name: "./etc/passwd"}, {name: "./usr/bin/x"}}), "it is a bare file system", "docker save"},
		{"docker export, compressed", gzipped(archived(t, []part{{name: ".dockerenv"}})), "it is a bare file system", "docker save"},
		{"some tar", archived(t, []part{{name: "notes.txt", data: []byte("x")}}), "it holds no image: neither manifest.json, index.json nor repositories", "docker save"},
		{"one layer", lower, "it holds no image", "docker save"},
		{"without its end", archived(t, saved[:5]), "it has layers, but neither manifest.json nor index.json: it is cut short", ""},
		{"zip", []byte("PK\x03\x04" + strings.Repeat("x", 1000)), "it is a zip archive, not an image", "docker save"},
		{"xz", []byte("\xfd7zXZ\x00" + strings.Repeat("x", 1000)), "it is compressed with xz", "xz -d"},
		{"empty", nil, "it is empty", ""},
		{"text", []byte(strings.Repeat("FROM scratch\n", 100)), "it is not a tar archive", "docker save"},
		{"compressed text", gzipped([]byte(strings.Repeat("FROM scratch\n", 100))), "it is compressed, but not a tar archive", "docker save"},
		{"gzip that is cut", gzipped(whole)[:200], "the archive is cut short", ""},
		{"no image in the list", archived(t, []part{{name: "manifest.json", data: []byte("[]")}}), "it lists no image", ""},
		{"an index without a digest", archived(t, []part{{name: "index.json", data: asJSON(t, object{"manifests": []object{
			{"mediaType": "application/vnd.oci.image.manifest.v1+json"},
			{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + strings.Repeat("a", 64)},
		}})}}), "reading an index: an entry has no digest", ""},
		{"no list", archived(t, []part{{name: "manifest.json", data: []byte("{}")}}), "reading manifest.json: it is not the list that docker save writes", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if hint := refused(t, c.archive, image.ImportOptions{}, c.err); !strings.Contains(hint, c.hint) || c.hint == "" && hint != "" {
				t.Errorf("hint %q, want %q", hint, c.hint)
			}
		})
	}
	root := onDisk(t, []part{{name: "bin/sh"}, {name: "etc/passwd"}, {name: "usr/bin/x"}})
	if _, _, err := open(t).Import(t.Context(), root, image.ImportOptions{}); err == nil || !strings.Contains(err.Error(), "bare file system") {
		t.Errorf("a folder gave %v", err)
	}
}

// change returns the parts with one of them changed.
func change(parts []part, suffix string, f func(*part)) []part {
	var changed []part
	for _, p := range parts {
		if strings.HasSuffix(p.name, suffix) {
			f(&p)
		}
		if p.name != "" {
			changed = append(changed, p)
		}
	}
	return changed
}

func TestImportRefusesDamage(t *testing.T) {
	saved, savedID := savedParts(t, "amd64", []string{"x:1"})
	l := &layout{t: t}
	child, childID := l.image("amd64", plainLayer, gzipLayer)
	whole := l.parts(named(child, "x:1"))
	lower, upper := twoLayers(t)
	flip := func(p *part) {
		p.data = bytes.Clone(p.data)
		p.data[len(p.data)/2] ^= 1
	}
	drop := func(p *part) { p.name = "" }
	manifest := child["digest"].(string)[7:]
	for _, c := range []struct {
		name  string
		parts []part
		err   string
	}{
		{"saved layer changed", change(saved, strings.Repeat("b", 64)+"/layer.tar", func(p *part) { p.data = lower }), ": its content is sha256:" + hexOf(lower)},
		{"saved layer gone", change(saved, strings.Repeat("b", 64)+"/layer.tar", drop), "is missing"},
		{"saved configuration changed", change(saved, ".json", func(p *part) {
			if p.name != "manifest.json" {
				p.data = bytes.Replace(p.data, []byte("/e"), []byte("/f"), 1)
			}
		}), "content does not match its digest"},
		{"saved configuration gone", change(saved, savedID[7:]+".json", drop), "reading image configuration"},
		{"a layer too few", change(saved, "manifest.json", func(p *part) {
			p.data = bytes.Replace(p.data, []byte(`"`+strings.Repeat("b", 64)+`/layer.tar",`), nil, 1)
		}), "the image has 2 layers and 3 diff IDs"},
		{"a link in a circle", append(change(saved, strings.Repeat("b", 64)+"/layer.tar", func(p *part) { p.link, p.data = "layer.tar", nil }), part{name: "x"}), "is missing"},
		{"a name that leads out", change(saved, "manifest.json", func(p *part) {
			p.data = asJSON(t, []object{{"Config": "../../../../../../etc/hostname", "RepoTags": []string{"x:1"}, "Layers": []string{}}})
		}), "reading image configuration"},
		{"manifest changed", change(whole, manifest, flip), "content does not match its digest"},
		{"configuration changed", change(whole, childID[7:], flip), "content does not match its digest"},
		{"plain layer changed", change(whole, hexOf(lower), flip), "layer 1: "},
		{"gzip layer changed", change(whole, hexOf(gzipped(upper)), flip), "layer 2: "},
		{"gzip layer of other content", change(whole, hexOf(gzipped(upper)), func(p *part) { p.data = gzipped(lower) }), "layer 2: "},
		{"layer gone", change(whole, hexOf(lower), drop), "is missing"},
		{"configuration gone", change(whole, childID[7:], drop), "it has content for none of linux/amd64"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, archived(t, c.parts), image.ImportOptions{}, c.err) })
	}
}

// An entry of a layer that leads out of the image is found before the image is
// entered, not when it is unpacked.
func TestImportRefusesLayersThatLeadOut(t *testing.T) {
	for _, h := range []tar.Header{
		{Name: "../evil"},
		{Name: "a/../../evil"},
		{Name: "evil", Typeflag: tar.TypeLink, Linkname: "../../etc/passwd"},
	} {
		refused(t, saved(t, "amd64", layerTar(t, h)), image.ImportOptions{}, "leads out of the image")
	}
}

// However short an archive is cut, the image is whole or not there.
func TestImportOfAnArchiveThatIsCut(t *testing.T) {
	parts, id := savedParts(t, "amd64", []string{"x:1"})
	plain := archived(t, parts)
	for _, archive := range [][]byte{plain, gzipped(plain)} {
		step := len(archive)/40 + 1
		whole := 0
		for n := 0; n <= len(archive); n += step {
			s := open(t)
			// A file is read in place where it can be, a stream from a copy.
			name := filepath.Join(t.TempDir(), "cut.tar")
			if err := os.WriteFile(name, archive[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			img, _, err := s.Import(t.Context(), name, image.ImportOptions{})
			if err == nil {
				checkImported(t, s, img)
			}
			s = open(t)
			again, _, errAgain := s.ImportStream(t.Context(), bytes.NewReader(archive[:n]), image.ImportOptions{})
			if (err == nil) != (errAgain == nil) || img.ID != again.ID {
				t.Fatalf("cut at %d the file gives %s, %v, the stream %s, %v", n, img.ID, err, again.ID, errAgain)
			}
			if err != nil {
				checkEmpty(t, s)
				continue
			}
			if img.ID != id {
				t.Fatalf("cut at %d it is %s, want %s", n, img.ID, id)
			}
			checkImported(t, s, img)
			whole++
		}
		if whole > 5 {
			t.Errorf("%d of 41 cuts gave a whole image", whole)
		}
	}
}

// FuzzImport holds that no archive makes Import panic, leave something behind,
// or enter an image that can't be read.
func FuzzImport(f *testing.F) {
	parts, _ := savedParts(f, "amd64", []string{"x:1"})
	f.Add(archived(f, parts))
	l := &layout{t: f}
	child, _ := l.image("amd64", plainLayer, gzipLayer)
	f.Add(archived(f, l.parts(named(l.index(child, l.attestation(child)), "x:1"))))
	f.Add(gzipped(archived(f, parts)))
	f.Add(archived(f, []part{{name: "repositories", data: []byte(`{"x":{"1":"a"}}`)}, {name: "a/json", data: []byte(`{"parent":"a"}`)}, {name: "a/layer.tar"}}))
	f.Add(archived(f, []part{{name: ".dockerenv"}}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		s := open(t)
		img, refs, err := s.ImportStream(t.Context(), bytes.NewReader(archive), image.ImportOptions{})
		if err != nil {
			checkEmpty(t, s)
			return
		}
		if got, err := s.Get(t.Context(), img.ID); err != nil || got.ID != img.ID || len(refs) == 0 {
			t.Fatalf("imported %s as %q, got %s, %v", img.ID, refs, got.ID, err)
		}
	})
}
