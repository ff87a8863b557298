package image_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// engine is a container engine for tests.
type engine struct {
	images map[string][]byte // by reference, as docker save
	arch   string
	saves  int
	broken error
}

func (e *engine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	e.saves++
	if e.broken != nil {
		return nil, e.broken
	}
	return io.NopCloser(bytes.NewReader(e.images[ref])), nil
}

func (e *engine) Describe(ctx context.Context, ref, platform string) (coldstart.Image, error) {
	data, ok := e.images[ref]
	if !ok {
		return coldstart.Image{}, fmt.Errorf("no such image: %s", ref)
	}
	return coldstart.Image{ID: fmt.Sprintf("sha256:%064x", len(data)), Arch: e.arch}, nil
}

func (e *engine) connect(context.Context) (image.Engine, error) { return e, nil }

// TestEngine takes images out of an engine, and again when they changed there.
func TestEngine(t *testing.T) {
	s := open(t)
	e := &engine{arch: "amd64", images: map[string][]byte{"mine:1": saved(t, "amd64", layerTar(t, file("one")))}}
	take := func() coldstart.Image {
		t.Helper()
		img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64", Engine: e.connect})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	first := take()
	if got := unpacked(t, s, first, "one"); got != "one" {
		t.Errorf("file holds %q", got)
	}
	if again := take(); again.ID != first.ID || e.saves != 1 {
		t.Errorf("the second time %s after %d saves", again.ID, e.saves)
	}
	built, err := build(t, s, map[string]string{"Dockerfile": "FROM mine:1\nCOPY Dockerfile /d\n"}, image.Options{Engine: e.connect})
	if err != nil || built.Base != "mine:1" || e.saves != 1 {
		t.Errorf("built %+v after %d saves: %v", built, e.saves, err)
	}

	e.images["mine:1"] = saved(t, "amd64", layerTar(t, file("one"), file("two"), file("three")))
	second := take()
	if second.ID == first.ID || e.saves != 2 {
		t.Errorf("the engine's new image was not taken: %s after %d saves", second.ID, e.saves)
	}
	if got := unpacked(t, s, second, "two"); got != "two" {
		t.Errorf("file holds %q", got)
	}

	// Without the engine the last one stands; with DescribeOnly nothing is copied.
	if img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64"}); err != nil || img.ID != second.ID {
		t.Errorf("without the engine %s, %v", img.ID, err)
	}
	img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1", Command: []string{"c"}}, image.Options{Arch: "amd64", Engine: e.connect, DescribeOnly: true})
	if err != nil || img.Ref != "mine:1" || e.saves != 2 || len(img.Command) != 1 {
		t.Errorf("described %+v, %v, %d saves", img, err, e.saves)
	}

	// An ID is never looked for in a registry.
	for _, id := range []string{second.ID, "sha256:" + strings.Repeat("1", 64)} {
		img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: id}, image.Options{Arch: "amd64", Engine: e.connect})
		if (err == nil) != (id == second.ID) || err == nil && img.ID != id || err != nil && !strings.Contains(err.Error(), "with this ID") {
			t.Errorf("by ID %s: %s, %v", id, img.ID, err)
		}
	}

	// An engine that fails, or has it for another machine, is named in the error.
	e.images["127.0.0.1:1/x"], e.broken = e.images["mine:1"], errors.New("the daemon is gone")
	_, err = s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "127.0.0.1:1/x"}, image.Options{Arch: "amd64", Engine: e.connect})
	if err == nil || !strings.Contains(err.Error(), "the daemon is gone") {
		t.Errorf("got %v", err)
	}
	_, err = s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "127.0.0.1:1/x"}, image.Options{Arch: "arm64", Engine: e.connect})
	if err == nil || !strings.Contains(err.Error(), "for linux/amd64 only") {
		t.Errorf("got %v", err)
	}
}

// TestPutWins shows that what was put into the store by hand comes first.
func TestPutWins(t *testing.T) {
	s := open(t)
	ref := "public.ecr.aws/lambda/provided:al2"
	put, err := s.Put(t.Context(), ref, bytes.NewReader(saved(t, "amd64", layerTar(t, file("put")))))
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{arch: "amd64", images: map[string][]byte{ref: saved(t, "amd64", layerTar(t, file("engine")))}}
	got, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: "amd64", Engine: e.connect})
	if err != nil || got.ID != put.ID {
		t.Errorf("got %s, %v, want %s", got.ID, err, put.ID)
	}
	if _, err := s.Put(t.Context(), "x", strings.NewReader("no archive")); err == nil {
		t.Error("no archive was put into the store")
	}
	if _, err := s.Put(t.Context(), "NOT A REF", bytes.NewReader(e.images[ref])); err == nil {
		t.Error("an image was put under no reference")
	}
	if _, err := s.Get(t.Context(), put.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), "sha256:"+strings.Repeat("0", 64)); err == nil {
		t.Error("an image that was never there was found")
	}
}
