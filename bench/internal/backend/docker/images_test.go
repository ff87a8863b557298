package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
)

func inspected(arch string) func(http.ResponseWriter, *http.Request) {
	return says(200, map[string]any{
		"Id": "sha256:abc", "Architecture": arch, "Os": "linux", "Size": 7,
		"RepoDigests": []string{"example.test/f@sha256:def"},
		"RootFS":      map[string]any{"Type": "layers", "Layers": []string{"sha256:1", "sha256:2"}},
		"Config": map[string]any{
			"Entrypoint": []string{"/e"}, "Cmd": []string{"c"}, "Env": []string{"A=b"}, "WorkingDir": "/w",
			"Labels": map[string]string{labelStandIn: "al2", labelBase: "example.test/base:1"},
		},
	})
}

func TestDescribe(t *testing.T) {
	f := newFakeAPI(t)
	e := f.connected()
	f.on("GET /images/f/json", inspected("amd64"))
	img, err := e.Describe(context.Background(), "f", "linux/amd64")
	want := coldstart.Image{
		ID: "sha256:abc", Digest: "sha256:def", SizeBytes: 7, Layers: 2, Base: "example.test/base:1", StandIn: true,
		Arch: "amd64", Ref: "f", Entrypoint: []string{"/e"}, Command: []string{"c"}, Environment: []string{"A=b"}, WorkingDir: "/w",
	}
	if err != nil || fmt.Sprintf("%+v", img) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, %v\nwant %+v", img, err, want)
	}
	for platform, want := range map[string]string{"": "", "linux/amd64/v2": "", "linux/arm64": "is for linux/amd64, not linux/arm64", "amd64": "not amd64"} {
		if _, err := e.Describe(context.Background(), "f", platform); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("platform %q: %v, want %q", platform, err, want)
		}
	}
	f.on("GET /images/g/json", says(404, map[string]string{"message": "No such image: g"}))
	if _, err := e.Describe(context.Background(), "g", ""); !errors.Is(err, ErrNoImage) {
		t.Errorf("an image that is not there: %v", err)
	}
	if has, err := e.Has(context.Background(), "g"); has || err != nil {
		t.Errorf("has it: %v, %v", has, err)
	}
	f.on("GET /images/h/json", says(500, map[string]string{"message": "on fire"}))
	if has, err := e.Has(context.Background(), "h"); has || err == nil {
		t.Errorf("an engine that fails has it: %v, %v", has, err)
	}
}

func TestLoadReadsTheEnginesAnswer(t *testing.T) {
	f := newFakeAPI(t)
	e := f.connected()
	for answer, want := range map[string]string{
		`{"stream":"Loaded image: x"}`:                         "",
		`{"errorDetail":{"message":"no space left"}}`:          "no space left",
		`{"stream":"x"}` + "\n" + `{"errorDetail":{"message":`: "unexpected EOF",
	} {
		f.on("POST /images/load", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, answer)
		})
		err := e.Load(context.Background(), strings.NewReader("tar"))
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", answer, err, want)
		}
	}
}

func TestImageGoesInAndOut(t *testing.T) {
	e := connect(t, Options{})
	ctx := context.Background()
	img := load(t, e, map[string][]byte{"f": []byte("content of a file")}, "/f")
	if has, err := e.Has(ctx, img.ID); err != nil || !has {
		t.Errorf("has it: %v, %v", has, err)
	}
	r, err := e.Save(ctx, img.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err != nil || !bytes.Contains(text, []byte("content of a file")) {
		t.Errorf("saved %d bytes without the file, %v", len(text), err)
	}
	if img.Layers != 1 || img.SizeBytes <= 0 || img.Entrypoint[0] != "/f" {
		t.Errorf("%+v", img)
	}
	other := "linux/arm64"
	if e.Arch() == "arm64" {
		other = "linux/amd64"
	}
	if _, err := e.Describe(ctx, img.ID, other); err == nil {
		t.Error("the image is said to be of another platform")
	}
	if _, err := e.Save(ctx, "coldbench-test/none:1"); !errors.Is(err, ErrNoImage) {
		t.Errorf("saving what is not there: %v", err)
	}
}

// TestEmulatorImageIsAFunctionOfItsContent: equal programs give equal bytes,
// others another tag.
func TestEmulatorImageIsAFunctionOfItsContent(t *testing.T) {
	written := func(i *emulatorImage) string {
		var b bytes.Buffer
		if err := i.writeTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	a := newEmulatorImage("amd64", []byte("rie"), []byte("start"))
	if b := newEmulatorImage("amd64", []byte("rie"), []byte("start")); written(a) != written(b) || a.tag != b.tag {
		t.Error("the same programs give another image")
	}
	for _, b := range []*emulatorImage{
		newEmulatorImage("arm64", []byte("rie"), []byte("start")),
		newEmulatorImage("amd64", []byte("ri"), []byte("estart")),
		newEmulatorImage("amd64", []byte("rie2"), []byte("start")),
	} {
		if a.tag == b.tag {
			t.Errorf("%s %q %q has the same tag", b.arch, b.rie, b.start)
		}
	}
	if b := newEmulatorImage("amd64", []byte("rie2"), []byte("start")); a.volume != b.volume {
		t.Error("the volume of images/start depends on the emulator")
	}
	if err := a.writeTo(brokenWriter{}); err == nil {
		t.Error("a writer's error is lost")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }
