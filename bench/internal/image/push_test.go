package image_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// guarded is a registry on loopback that asks for a login, as ECR does; it
// returns its address and the number of requests that sent it something.
func guarded(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var sent atomic.Int64
	host, _ := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "AWS" || password != "s3cret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="here",service="ecr.amazonaws.com"`)
				w.WriteHeader(http.StatusUnauthorized)
				io.WriteString(w, "Not Authorized")
				return
			}
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				sent.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	})
	return host, &sent
}

func pulled(t *testing.T, uri string) v1.Image {
	t.Helper()
	img, err := remote.Image(reference(t, uri), remote.WithAuth(&authn.Basic{Username: "AWS", Password: "s3cret"}))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPush(t *testing.T) {
	host, sent := guarded(t)
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\nENV A=b\nENTRYPOINT [\"/a\"]\n", "a": "content"}, image.Options{Arch: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	to := image.Destination{Repository: host + "/project", User: "AWS", Password: "s3cret"}
	got, err := s.Push(t.Context(), img, "v-arm64", to)
	if err != nil {
		t.Fatal(err)
	}
	if want := host + "/project@" + img.Digest; got.URI != want || got.Fresh != nil {
		t.Fatalf("%+v, want %s", got, want)
	}
	there := pulled(t, got.URI)
	id, err := there.ConfigName()
	if err != nil || id.String() != img.ID {
		t.Errorf("the registry holds %s (%v), want %s: the image changed on the way", id, err, img.ID)
	}
	kind, err := there.MediaType()
	if err != nil || kind.IsIndex() {
		t.Errorf("media type %s, %v: Lambda takes no index", kind, err)
	}
	tag := host + "/project:v-arm64-" + strings.TrimPrefix(img.Digest, "sha256:")[:12]
	if d, err := remote.Get(reference(t, tag), remote.WithAuth(&authn.Basic{Username: "AWS", Password: "s3cret"})); err != nil || d.Digest.String() != img.Digest {
		t.Errorf("tag %s: %v", tag, err)
	}

	// A repository whose tags can't be moved refuses to be told twice.
	before := sent.Load()
	again, err := s.Push(t.Context(), img, "v-arm64", to)
	if err != nil || again.URI != got.URI {
		t.Errorf("pushed again: %+v, %v", again, err)
	}
	if n := sent.Load() - before; n != 0 {
		t.Errorf("%d requests that send something for an image that is there", n)
	}
}

func TestPushFresh(t *testing.T) {
	host, _ := guarded(t)
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\nCMD [\"x\"]\n", "a": "content"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	to := image.Destination{Repository: host + "/project", User: "AWS", Password: "s3cret", Fresh: 3}
	got, err := s.Push(t.Context(), img, "v-amd64", to)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Fresh) != 3 {
		t.Fatalf("%+v", got)
	}
	original, err := pulled(t, got.URI).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{got.URI: true}
	contents := map[string]bool{}
	for _, uri := range got.Fresh {
		if seen[uri] || !regexp.MustCompile(`@sha256:[0-9a-f]{64}$`).MatchString(uri) {
			t.Errorf("%s is not a new image by digest", uri)
		}
		seen[uri] = true
		there := pulled(t, uri)
		config, err := there.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if len(config.RootFS.DiffIDs) != len(original.RootFS.DiffIDs)+1 || config.RootFS.DiffIDs[0] != original.RootFS.DiffIDs[0] {
			t.Errorf("layers %v over %v", config.RootFS.DiffIDs, original.RootFS.DiffIDs)
		}
		if len(config.Config.Cmd) != 1 || config.Config.Cmd[0] != "x" || config.Architecture != "amd64" {
			t.Errorf("the configuration is another one: %+v", config)
		}
		// The layers together are what the function sees.
		root := mutate.Extract(there)
		text, err := io.ReadAll(root)
		root.Close()
		if err != nil || contents[string(text)] {
			t.Errorf("the content is not new (%v)", err)
		}
		contents[string(text)] = true
		layers, err := there.Layers()
		if err != nil {
			t.Fatal(err)
		}
		size, err := layers[len(layers)-1].Size()
		if err != nil || size < 1024 || size > 2048 {
			t.Errorf("a layer of %d bytes (%v), want about 1 KiB that does not compress", size, err)
		}
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("the store holds %v, %v: fresh images are not for it", list, err)
	}
}

func TestPushRefused(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "content"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	host, _ := guarded(t)
	none, _ := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'project' does not exist"}]}`)
		})
	})
	for _, test := range []struct {
		name string
		to   image.Destination
		img  coldstart.Image
		want string
		is   error
	}{
		{"wrong password", image.Destination{Repository: host + "/project", User: "AWS", Password: "wr0ng"}, img, "401", nil},
		{"no repository", image.Destination{Repository: none + "/project", User: "AWS", Password: "s3cret"}, img, "does not exist", image.ErrNoRepository},
		{"not a name", image.Destination{Repository: host + "/Project", User: "AWS", Password: "s3cret"}, img, "Project", nil},
		{"unknown image", image.Destination{Repository: host + "/project", User: "AWS", Password: "s3cret"}, coldstart.Image{ID: "sha256:00"}, "is not in the store", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := s.Push(t.Context(), test.img, "v", test.to)
			if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("%+v, %v, want an error with %q", got, err, test.want)
			}
			if got.URI != "" || got.Fresh != nil {
				t.Errorf("an error came with %+v", got)
			}
			for _, secret := range []string{"s3cret", "wr0ng"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds the password: %v", err)
				}
			}
		})
	}
}

// What is damaged on disk must not get into a registry under the digest of
// what it was.
func TestPushDamaged(t *testing.T) {
	host, _ := guarded(t)
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "content"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := filepath.Glob(filepath.Join(s.Dir(), "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for _, blob := range blobs {
		data, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b { // a layer
			data[len(data)-1] ^= 1
			if err := os.WriteFile(blob, data, 0o644); err != nil {
				t.Fatal(err)
			}
			damaged++
		}
	}
	if damaged != 1 {
		t.Fatalf("%d layers", damaged)
	}
	if got, err := s.Push(t.Context(), img, "v", image.Destination{Repository: host + "/project", User: "AWS", Password: "s3cret"}); err == nil {
		t.Errorf("%+v", got)
	}
}
