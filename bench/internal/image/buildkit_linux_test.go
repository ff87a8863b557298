package image_test

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// TestBuildsAsBuildKit is TestBuildsAsDocker for BuildKit, whose buildctl finds
// it by BUILDKIT_HOST.
func TestBuildsAsBuildKit(t *testing.T) {
	requireBuildKit(t)
	cases, first := number(t, "BENCH_BUILDS", buildCases), number(t, "BENCH_BUILD_SEED", 1)
	s := open(t)
	for seed := first; seed < first+cases; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			g := newBuildGenerator(t, uint64(seed))
			g.buildKit = true
			v, stages := g.write(seed)
			img, err := buildStages(t, s, v, stages)
			b, kitErr := buildKit(t, v, stages)
			switch {
			case err != nil && strings.Contains(err.Error(), "no file matches"):
				// BuildKit copies nothing then. We are as strict as the classic builder.
			case (err == nil) != (kitErr == nil):
				t.Errorf("here: %v\nBuildKit: %v", err, kitErr)
			case err == nil:
				compareWithBuildKit(t, s, img, b)
			}
		})
	}
}

// TestDocumentedAsBuildKit holds the rules that other tests take from BuildKit's
// documentation against BuildKit: --chmod, and SOURCE_DATE_EPOCH with
// rewrite-timestamp, for which folders that are made have an exact time, too.
func TestDocumentedAsBuildKit(t *testing.T) {
	requireBuildKit(t)
	s := open(t)
	epoch := fmt.Sprint(stamp(15).Unix())
	cases := map[string]built{"epoch": {
		dockerfile: "FROM scratch AS s0\nARG SOURCE_DATE_EPOCH\nENV E=$SOURCE_DATE_EPOCH\nCOPY run conf /b/\nCOPY tree /t\nWORKDIR /w\nADD x.tgz /a/\nCOPY <<X /here\nX\n",
		args:       map[string]string{"SOURCE_DATE_EPOCH": epoch},
	}, "platforms": {
		dockerfile: "FROM scratch AS s0\nARG TARGETPLATFORM\nARG BUILDPLATFORM\nARG TARGETARCH\nARG BUILDARCH\nARG TARGETVARIANT\nARG BUILDOS\nENV P=$TARGETPLATFORM,$BUILDPLATFORM,$TARGETARCH,$BUILDARCH,$TARGETVARIANT,$BUILDOS\n",
	}}
	for _, chmod := range []string{"755", "0644", "4711", "1777", "+x", "a+X", "u=rwX,go=rX", "go-w", "o-rwx,g+x", "u=rwx,g=,o=", "u+rw,g+r,o-x,o+w", "g=u", "+t,u+s", "+s", "=", "u=g"} {
		cases["chmod "+chmod] = built{dockerfile: fmt.Sprintf("FROM scratch AS s0\nCOPY --chmod=%[1]s conf /a/b/conf\nCOPY --chmod=%[1]s tree /t\nCOPY tree /again/\nCOPY --chmod=%[1]s tree /again/\nADD --chmod=%[1]s x.tgz /x\n", chmod)}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := c.variant(t)
			img, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"})
			if err != nil {
				t.Fatal(err)
			}
			b, err := buildKit(t, v, 1)
			if err != nil {
				t.Fatal(err)
			}
			compareWithBuildKit(t, s, img, b)
			if name != "epoch" {
				return
			}
			root, err := s.Unpack(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range diff(asUnpacked(b.files), asUnpacked(lstatted(t, root))) {
				t.Errorf("with folders' times: %s", line)
			}
		})
	}
}

// kitBuilt is what BuildKit made.
type kitBuilt struct {
	files  map[string]seenFile
	config settings
}

// buildKit builds each stage with BuildKit and returns the last one.
func buildKit(t *testing.T, v coldstart.Variant, stages int) (b kitBuilt, err error) {
	t.Helper()
	// Not t.TempDir: the name of a test may have commas, which buildctl takes apart.
	dir, err := os.MkdirTemp("", "buildkit-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	archive := filepath.Join(dir, "image.tar")
	for i := range stages {
		args := []string{"--no-cache", "--opt", fmt.Sprint("target=s", i), "--output", "type=docker,rewrite-timestamp=true,dest=" + archive}
		for key, value := range v.Build.Args {
			args = append(args, "--opt", "build-arg:"+key+"="+value)
		}
		if err := tryBuildctl(v.Build.Context, args...); err != nil {
			return b, err
		}
	}
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	members := membersOf(t, data)
	var manifests []struct{ Config string }
	var file struct {
		Config settings `json:"config"`
	}
	if err := json.Unmarshal(members["manifest.json"], &manifests); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(members[manifests[0].Config], &file); err != nil {
		t.Fatal(err)
	}
	b.files, b.config = described(t, data), file.Config.plain()
	return b, nil
}

func compareWithBuildKit(t *testing.T, s *image.Store, img coldstart.Image, b kitBuilt) {
	t.Helper()
	got := settingsOf(t, s, img)
	// BuildKit gives an image without one the folder that it means.
	if b.config.WorkingDir == "/" && got.WorkingDir == "" {
		b.config.WorkingDir = ""
	}
	if !reflect.DeepEqual(got, b.config) {
		t.Errorf("configuration\n got %+v\nwant %+v", got, b.config)
	}
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	unpacked := lstatted(t, root)
	want := map[string]seenFile{}
	for name, f := range b.files {
		// Folders that are made follow the classic builder: with BuildKit those on
		// the way to a copied folder are of --chown, and some have a source's time.
		if mine := unpacked[name]; f.Type == tar.TypeDir && mine.Type == tar.TypeDir {
			f.UID, f.GID, f.Seconds = mine.UID, mine.GID, mine.Seconds
		}
		want[name] = f
	}
	for _, line := range diff(asUnpacked(want), asUnpacked(unpacked)) {
		t.Errorf("unpacked: %s", line)
	}
}
