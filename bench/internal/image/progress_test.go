package image_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// steps collects what a store reports, and fails a test for reports that do not
// follow one another as OnProgress says.
type steps struct {
	t     *testing.T
	done  map[string]int64 // bytes by work
	begun map[string]image.Progress
}

func watchSteps(t *testing.T, s *image.Store) *steps {
	w := &steps{t: t, done: map[string]int64{}, begun: map[string]image.Progress{}}
	s.OnProgress(w.report)
	return w
}

func (w *steps) report(p image.Progress) {
	before, ok := w.begun[p.Work]
	switch {
	case !ok && (p.Done != 0 || p.Ended):
		w.t.Errorf("%+v is the first report", p)
	case ok && p.Done < before.Done:
		w.t.Errorf("%+v after %+v", p, before)
	}
	w.begun[p.Work] = p
	if p.Ended {
		delete(w.begun, p.Work)
		w.done[p.Work] += p.Done
	}
}

func TestProgressCountsTheBytesOfEachStep(t *testing.T) {
	s := open(t)
	w := watchSteps(t, s)
	content := strings.Repeat("x", 3<<20)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a b /\n", "a": content, "b": "y"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unpack(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if len(w.begun) > 0 {
		t.Errorf("never ended: %v", w.begun)
	}
	files := int64(len(content)) + 1
	if got := w.done["unpacking"]; got != files {
		t.Errorf("unpacked %d bytes, want %d", got, files)
	}
	for _, work := range []string{"reading files", "compressing"} {
		// Headers and padding are at most 64 KiB here.
		if got := w.done[work]; got < files || got > files+64<<10 {
			t.Errorf("%s: %d bytes, want about %d", work, got, files)
		}
	}
}

func TestProgressOfAPullAndOfAnEngine(t *testing.T) {
	host, _ := serve(t, nil)
	ref := host + "/base:1"
	img := published(t, "amd64", 100_000)
	if err := remote.Write(reference(t, ref), img); err != nil {
		t.Fatal(err)
	}
	e := &engine{arch: "amd64", images: map[string][]byte{"mine:1": saved(t, "amd64", layerTar(t, file("one")))}}
	s := open(t)
	w := watchSteps(t, s)
	for _, from := range []string{ref, "mine:1"} {
		if _, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: from}, image.Options{Arch: "amd64", Engine: e.connect}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.begun) > 0 {
		t.Errorf("never ended: %v", w.begun)
	}
	var size int64
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		size += n
	}
	if got := w.done["pulling "+ref]; got != size || size < 200_000 {
		t.Errorf("pulled %d bytes, want %d", got, size)
	}
	if got, want := w.done["copying mine:1 out of the engine"], int64(len(e.images["mine:1"])); got != want {
		t.Errorf("copied %d bytes out of the engine, want %d", got, want)
	}
	if _, ok := w.done["waiting for "+host]; !ok {
		t.Errorf("no report of the registry: %v", w.done)
	}
}

func TestProgressEndsWithAFailure(t *testing.T) {
	s := open(t)
	w := watchSteps(t, s)
	if _, err := s.Put(t.Context(), "x", strings.NewReader("no archive")); err == nil {
		t.Fatal("no error")
	}
	if len(w.begun) > 0 || w.done["reading x"] != int64(len("no archive")) {
		t.Errorf("open: %v, done: %v", w.begun, w.done)
	}
}

// TestSlowIsSilentAboutShortWork: long work is reported again and again, and its end.
func TestSlowIsSilentAboutShortWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s := open(t)
		s.OnProgress(image.Slow(time.Second, 10*time.Second, func(p image.Progress) func(image.Progress) {
			got = append(got, "begin")
			return func(p image.Progress) {
				got = append(got, fmt.Sprintf("%s %s %d %v", p.About, p.Work, p.Done, p.Ended))
			}
		}))
		s.About("al2")
		for range 3 {
			m := s.Meter("short", 0)
			time.Sleep(900 * time.Millisecond)
			m.End()
		}
		m := s.Meter("long", 0)
		s.About("")
		for range 3 {
			time.Sleep(6 * time.Second)
			m.Write([]byte("x"))
		}
		synctest.Wait()
		m.End()
		time.Sleep(time.Minute)
		want := []string{"begin", "al2 long 0 false", "al2 long 1 false", "al2 long 3 true"}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestMeterWithoutAReceiver(t *testing.T) {
	m := open(t).Meter("nothing", 5)
	if n, err := m.Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	m.End()
}
