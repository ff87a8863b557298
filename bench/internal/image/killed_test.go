package image_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/image"
)

// TestKilled kills building processes at many moments; afterwards the store
// still gives the right image.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("IMAGE_TEST_KILLED"); dir != "" {
		for i := 0; ; i++ {
			s, err := image.OpenStore(filepath.Join(dir, "images"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "context", "n"), []byte(fmt.Sprint(os.Getpid(), i)), 0o644); err != nil {
				t.Fatal(err)
			}
			img, err := s.Build(context.Background(), variant(filepath.Join(dir, "context")), image.Options{Arch: "amd64"})
			if err == nil {
				_, err = s.Unpack(context.Background(), img)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	files(t, dir, map[string]string{"context/Dockerfile": "FROM scratch\nCOPY n /n\nCOPY big /big\n", "context/big": strings.Repeat("x", 1<<20), "context/n": ""})
	for i := range 10 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "IMAGE_TEST_KILLED="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(40+13*i) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		s, err := image.OpenStore(filepath.Join(dir, "images"))
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			if err := s.WriteTar(t.Context(), l.ID, io.Discard); err != nil {
				t.Errorf("after kill %d: %v", i, err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "context", "n"), []byte("final"), 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := s.Build(t.Context(), variant(filepath.Join(dir, "context")), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		if got := unpacked(t, s, img, "n"); got != "final" {
			t.Errorf("after kill %d the file holds %q", i, got)
		}
	}
}
