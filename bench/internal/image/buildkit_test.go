package image_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// TestNamedContextsAgainstBuildKit builds the cases of named contexts with
// BuildKit, which the classic builder's engines lack. It needs buildctl, and
// BUILDKIT_HOST to name a daemon. The archive that BuildKit writes is one of an
// index with an attestation, and imported as such.
func TestNamedContextsAgainstBuildKit(t *testing.T) {
	requireBuildKit(t)
	for _, c := range contextCases(t) {
		t.Run(c.name, func(t *testing.T) {
			s, mine, err := contextBuild(t, c.dockerfile, c.contexts)
			if err != nil {
				t.Fatal(err)
			}
			theirs := buildkit(t, s, c)
			var roots [2]string
			for i, img := range []coldstart.Image{mine, theirs} {
				if roots[i], err = s.Unpack(t.Context(), img); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := listed(t, roots[0]), listed(t, roots[1]); !reflect.DeepEqual(got, want) {
				t.Errorf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
			}
		})
	}
}

// buildkit builds a case with BuildKit and imports the result. Images are handed
// to it as the store itself, which is an OCI layout.
func buildkit(t *testing.T, s *image.Store, c contextCase) coldstart.Image {
	t.Helper()
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": c.dockerfile, "main": "main"})
	out := filepath.Join(t.TempDir(), "out.tar")
	args := []string{"--opt", "attest:provenance=mode=min",
		"--oci-layout", "store=" + s.Dir(), "--output", "type=oci,name=docker.io/library/built:1,dest=" + out}
	for name, context := range c.contexts {
		switch {
		case context.Build != nil:
			layout, digest := buildkitService(t, context.Build)
			args = append(args, "--oci-layout", name+"="+layout, "--opt", "context:"+name+"=oci-layout://"+name+"@"+digest)
		case context.Image == "scratch":
			args = append(args, "--opt", "context:"+name+"=docker-image://scratch")
		case context.Image != "":
			other, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: context.Image}, image.Options{Arch: "amd64", PullTimeout: -1})
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, "--opt", "context:"+name+"=oci-layout://store@"+other.Digest)
		case context.Other != "":
			args = append(args, "--opt", "context:"+name+"="+context.Other)
		default:
			if _, err := os.Stat(context.Dir); err == nil {
				args = append(args, "--local", name+"="+context.Dir, "--opt", "context:"+name+"=local:"+name)
			}
		}
	}
	buildctl(t, dir, args...)
	img, refs, err := s.Import(t.Context(), out, image.ImportOptions{})
	if err != nil || !reflect.DeepEqual(refs, []string{"built:1"}) {
		t.Fatalf("importing BuildKit's archive: %q, %v", refs, err)
	}
	return img
}

// buildkitService builds the image of another service with BuildKit, as compose
// does for service:NAME, and returns it as an OCI layout and a digest.
func buildkitService(t *testing.T, b *coldstart.Build) (layout, digest string) {
	t.Helper()
	layout = filepath.Join(t.TempDir(), "layout")
	buildctl(t, b.Context, "--opt", "target="+b.Target, "--output", "type=oci,tar=false,dest="+layout)
	data, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct{ Manifests []struct{ Digest string } }
	if err := json.Unmarshal(data, &index); err != nil || len(index.Manifests) != 1 {
		t.Fatalf("%s: %v", data, err)
	}
	return layout, index.Manifests[0].Digest
}

// requireBuildKit ends a test if there is no BuildKit.
func requireBuildKit(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("buildctl")
	if os.Getenv("BUILDKIT_HOST") == "" {
		err = errors.New("BUILDKIT_HOST names no daemon")
	}
	backendtest.Require(t, "buildkit", err)
}

// buildctl builds the Dockerfile of a folder.
func buildctl(t *testing.T, dir string, args ...string) {
	t.Helper()
	if err := tryBuildctl(dir, args...); err != nil {
		t.Fatal(err)
	}
}

func tryBuildctl(dir string, args ...string) error {
	args = append([]string{"build", "--frontend", "dockerfile.v0", "--local", "context=" + dir, "--local", "dockerfile=" + dir,
		"--opt", "platform=linux/amd64"}, args...)
	text, err := exec.Command("buildctl", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(text))
	}
	return err
}
