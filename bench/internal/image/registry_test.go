package image_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// serve starts a registry and returns its address and the count of requests.
// around, if not nil, may answer in its place.
func serve(t *testing.T, around func(next http.Handler) http.Handler) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), &asked
}

// published makes an image for an architecture.
func published(t *testing.T, arch string, size int64) v1.Image {
	t.Helper()
	img, err := random.Image(size, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config.Entrypoint = []string{"/entry"}
	config.Config.Cmd = []string{"cmd"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func reference(t *testing.T, ref string) name.Reference {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPull(t *testing.T) {
	host, asked := serve(t, nil)
	ref := host + "/lambda/base:1"
	img := published(t, "amd64", 1000)
	if err := remote.Write(reference(t, ref), img); err != nil {
		t.Fatal(err)
	}
	s := open(t)
	got, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref, Command: []string{"mine"}}, image.Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id.String() || got.Digest != digest.String() {
		t.Errorf("image %s %s, want %s %s", got.ID, got.Digest, id, digest)
	}
	if !reflect.DeepEqual(got.Command, []string{"mine"}) || got.Layers != 2 || got.SizeBytes != 2000 {
		t.Errorf("image %+v", got)
	}

	// Another run finds it in the store.
	before := asked.Load()
	again, err := image.OpenStore(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Take(t.Context(), coldstart.Variant{Name: "w", Image: ref}, image.Options{Arch: "amd64"})
	if err != nil || second.ID != got.ID {
		t.Errorf("the second run has %s, %v", second.ID, err)
	}
	if asked.Load() != before {
		t.Error("the registry was asked for an image that is in the store")
	}

	// As a base, its layers stay as they are.
	built, err := build(t, s, map[string]string{"Dockerfile": "FROM " + ref + "\nCOPY a /added\n", "a": "a"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if built.Base != ref || built.Layers != 3 || !reflect.DeepEqual(built.Entrypoint, []string{"/entry"}) {
		t.Errorf("built on it: %+v", built)
	}

	// For another architecture it is an error, not this one.
	_, err = s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: "arm64"})
	if err == nil || !strings.Contains(err.Error(), "linux/arm64") || !strings.Contains(err.Error(), "the image store has it for linux/amd64 only") {
		t.Errorf("for arm64: %v", err)
	}
}

func TestPullIndex(t *testing.T) {
	host, _ := serve(t, nil)
	ref := host + "/multi"
	amd, arm := published(t, "amd64", 100), published(t, "arm64", 100)
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}}})
	if err := remote.WriteIndex(reference(t, ref), index); err != nil {
		t.Fatal(err)
	}
	s := open(t)
	for arch, want := range map[string]v1.Image{"amd64": amd, "arm64": arm} {
		got, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: arch})
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := want.ConfigName(); got.ID != id.String() || got.Arch != arch {
			t.Errorf("for %s: %s for %s, want %s", arch, got.ID, got.Arch, id)
		}
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Arch != "amd64" || list[1].Arch != "arm64" || list[0].Source != "registry" {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: "riscv64"}); err == nil {
		t.Error("an image for riscv64 was found")
	}
}

// TestDeadRegistry asks one that takes connections and says nothing.
func TestDeadRegistry(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var taken atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken.Add(1)
			defer c.Close()
		}
	}()
	ref := l.Addr().String() + "/lambda/provided:al2"
	s := open(t)
	tree := map[string]string{"Dockerfile": "ARG BASE=" + ref + "\nFROM ${BASE}\nCOPY a /\n", "a": "a"}
	o := image.Options{PullTimeout: 100 * time.Millisecond}
	_, err = build(t, s, tree, o)
	if err == nil || !strings.Contains(err.Error(), "Dockerfile:2: getting image "+ref) || !strings.Contains(err.Error(), "gave no answer for 100ms") {
		t.Fatalf("got %v", err)
	}
	if hint := advice.HintOf(err); !strings.Contains(hint, "AL2_BASE") || !strings.Contains(hint, "make offline-base") {
		t.Errorf("hint %q", hint)
	}
	if errors.Is(err, image.ErrNeedsEngine) {
		t.Error("it says that an engine would help")
	}
	before := taken.Load()
	if _, err := build(t, s, tree, o); err == nil {
		t.Error("the second build has a base")
	}
	if taken.Load() != before {
		t.Error("a dead registry was asked twice in a run")
	}
}

// TestStalledRegistry stops in the middle of a layer; TestSlowRegistry does not.
func TestStalledRegistry(t *testing.T) {
	testLayers(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body[:len(body)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, 300*time.Millisecond, "gave no answer for 300ms")
}

func TestSlowRegistry(t *testing.T) {
	t.Parallel()
	testLayers(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		for i := 0; i < 4; i++ {
			w.Write(body[i*len(body)/4 : (i+1)*len(body)/4])
			w.(http.Flusher).Flush()
			time.Sleep(400 * time.Millisecond)
		}
	}, time.Second, "")
}

// TestLyingRegistry sends other bytes than it promised.
func TestLyingRegistry(t *testing.T) {
	testLayers(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		body[len(body)/2] ^= 1
		w.Write(body)
	}, 5*time.Second, "error verifying sha256 checksum")
}

// testLayers pulls an image whose layers are sent by send.
func testLayers(t *testing.T, send func(http.ResponseWriter, *http.Request, []byte), timeout time.Duration, want string) {
	t.Helper()
	layers := map[string]bool{}
	host, _ := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			digest := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			if r.Method != http.MethodGet || !layers[digest] {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			send(w, r, rec.Body.Bytes())
		})
	})
	img := published(t, "amd64", 1<<16)
	ref := host + "/base"
	if err := remote.Write(reference(t, ref), img); err != nil {
		t.Fatal(err)
	}
	list, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		d, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		layers[d.String()] = true
	}
	s := open(t)
	got, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: "amd64", PullTimeout: timeout})
	if want == "" {
		if err != nil || got.Layers != 2 {
			t.Errorf("got %+v, %v", got, err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("the store lists %+v, %v", list, err)
	}
}
