package backend_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// BenchmarkPrepare measures what a run does with an image of 500 MB that the
// engine has, before its first cold start: the sandbox against docker save and
// tar, both engines once more when they have prepared it, and docker, which has
// nothing to copy.
func BenchmarkPrepare(b *testing.B) {
	driver := withOverlay2(b)
	ref := bigImage(b)
	engine, err := docker.Connect(b.Context(), docker.Options{Network: "none"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := engine.Close(); err != nil {
			b.Error(err)
		}
	}()
	v := coldstart.Variant{Name: "big", Image: ref}

	b.Run("sandbox", func(b *testing.B) {
		var ours, again, saved, extracted []float64
		measure := func(to *[]float64, f func() error) {
			ms, err := elapsed(f)
			if err != nil {
				b.Fatal(err)
			}
			*to = append(*to, ms)
		}
		for range 5 {
			s, err := image.OpenStore(filepath.Join(b.TempDir(), "images"))
			if err != nil {
				b.Fatal(err)
			}
			take := func() error {
				_, err := s.Take(b.Context(), v, image.Options{Arch: runtime.GOARCH, Engine: connected(engine), Unpack: true})
				return err
			}
			measure(&ours, take)
			measure(&again, take)
			measure(&saved, func() error { return shell(`docker save "$1" | tar -x -C "$2"`, ref, b.TempDir()) })
			measure(&extracted, func() error {
				return shell(`docker save "$1" | tar -x -O --wildcards '*/layer.tar' | tar -x -C "$2"`, ref, b.TempDir())
			})
		}
		row(b, "preparing 500 MB that the engine has, sandbox, against docker save and tar x of the files", ours, extracted, "at most 1.3")
		row(b, "preparing 500 MB that the engine has, sandbox, against docker save and tar x of the layer alone", ours, saved, "at most 1.3")
		alone(b, "preparing them again, sandbox", again, "at most 300 ms")
	})
	b.Run("docker", func(b *testing.B) {
		var took []float64
		s, err := image.OpenStore(filepath.Join(b.TempDir(), "images"))
		if err != nil {
			b.Fatal(err)
		}
		for range 6 {
			ms, err := elapsed(func() error { return openBig(b.Context(), engine, s, v) })
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, ms)
		}
		alone(b, "preparing 500 MB that the engine has, docker on "+driver+", with the start of its emulator", took[:1], "at most 1000 ms")
		alone(b, "preparing them again, docker on "+driver, took[1:], "at most 1000 ms")
	})
}

// alone reports a row without a floor.
func alone(b *testing.B, what string, ms []float64, wanted string) {
	b.ReportMetric(median(ms), "ms/"+strings.Fields(wanted)[2])
	rows = append(rows, fmt.Sprintf("| %s | %s | | | %s | %d |", what, spread(ms), wanted, len(ms)))
}

func connected(e *docker.Engine) func(context.Context) (image.Engine, error) {
	return func(context.Context) (image.Engine, error) { return e, nil }
}

// openBig does what bench local does before the first cold start.
func openBig(ctx context.Context, e *docker.Engine, s *image.Store, v coldstart.Variant) error {
	img, err := s.Take(ctx, v, image.Options{Arch: runtime.GOARCH, Engine: connected(e), DescribeOnly: true})
	if err != nil {
		return err
	}
	if has, err := e.Has(ctx, img.ID); err != nil || !has {
		return fmt.Errorf("the engine has no %s: %w", img.ID, err)
	}
	target, err := e.Open(ctx, coldstart.Config{Variant: v.Name, MemoryMB: 512, Arch: runtime.GOARCH}, img, coldstart.Options{Payload: []byte(`{}`)})
	if err != nil {
		return err
	}
	return target.Close()
}

// shell runs a floor's line with its arguments.
func shell(line string, args ...string) error {
	out, err := exec.Command("sh", append([]string{"-c", line, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}

// bigImage makes an image of 500 MB in 8,000 files, which half compress, and
// returns its reference.
func bigImage(b *testing.B) string {
	b.Helper()
	dir, random := b.TempDir(), rand.NewChaCha8([32]byte{8})
	block := make([]byte, 62_500)
	for i := range 8000 {
		_, _ = random.Read(block[:len(block)/2]) // never fails
		name := filepath.Join(dir, "files", fmt.Sprintf("usr/lib/%d/%d", i%80, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, block, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY files /\nENTRYPOINT [\"/bootstrap\"]\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	const ref = "coldbench/benchmark:big"
	if out, err := exec.Command("docker", "build", "-q", "-t", ref, dir).CombinedOutput(); err != nil {
		b.Fatalf("docker build: %v\n%s", err, out)
	}
	b.Cleanup(func() { _ = exec.Command("docker", "rmi", ref).Run() })
	return ref
}
