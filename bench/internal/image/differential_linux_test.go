package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// buildCases is how many random builds are compared by make test; BENCH_BUILDS
// is another number, and BENCH_BUILD_SEED the first seed.
const buildCases = 20

// TestBuildsAsDocker builds random Dockerfiles in random contexts here and with
// the engine's own builder, until BENCH_BUILDS images were compared. Either both
// builds fail, or configuration and files are the same: path, type, mode, owner, time, link target, hard links and content.
func TestBuildsAsDocker(t *testing.T) {
	_, err := tryDocker(nil, "version")
	backendtest.Require(t, "docker", err)
	cases, first := number(t, "BENCH_BUILDS", buildCases), number(t, "BENCH_BUILD_SEED", 1)
	s := open(t)
	var failed atomic.Int64
	t.Cleanup(func() { t.Logf("compared %d images; %d builds more failed on both sides", cases, failed.Load()) })
	for seed := first; seed < first+cases; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			// Builds that fail on both sides are followed by others until one succeeds.
			for again := seed; again < seed+50e6; again += 1e6 {
				v, stages := newBuildGenerator(t, uint64(again)).write(again)
				b, dockerErr := tryDockerBuild(t, v.Build.Dockerfile, v.Build.Context)
				if dockerErr != nil && strings.Contains(dockerErr.Error(), "layer does not exist") {
					continue // Docker 20.10 can't go on after an instruction that changed nothing
				}
				img, err := buildStages(t, s, v, stages)
				switch {
				case err != nil && dockerErr == nil && strings.HasSuffix(err.Error(), "is a folder"):
					continue // a link or file that meets a folder: BuildKit refuses as we do, the classic builder replaces the folder
				case (err == nil) != (dockerErr == nil):
					t.Fatalf("here: %v\nengine: %v", err, dockerErr)
				case err == nil:
					compareWithDocker(t, s, img, b)
					return
				}
				failed.Add(1)
			}
			t.Error("no build of this series succeeds")
		})
	}
}

// write writes a context with a Dockerfile, which a test that fails shows, and
// returns its build and the number of its stages.
func (g *buildGenerator) write(seed int) (v coldstart.Variant, stages int) {
	g.context()
	text, stages := g.dockerfile()
	g.check(os.WriteFile(filepath.Join(g.dir, "Dockerfile"), []byte(text), 0o644))
	g.stamp("Dockerfile", 0o644)
	g.t.Cleanup(func() {
		if g.t.Failed() {
			g.t.Logf("BENCH_BUILD_SEED=%d BENCH_BUILDS=1 builds this again\n%s\nof the context\n%s", seed, text, strings.Join(g.log, "\n"))
		}
	})
	return variant(g.dir), stages
}

// buildStages builds each stage, as the classic builder does, and returns the last
// one.
func buildStages(t *testing.T, s *image.Store, v coldstart.Variant, stages int) (img coldstart.Image, err error) {
	for i := 0; i < stages && err == nil; i++ {
		v.Build.Target = fmt.Sprint("s", i)
		// With NoCache, or the image of another seed could be used again.
		img, err = s.Build(t.Context(), v, image.Options{Arch: "amd64", NoCache: true})
	}
	return img, err
}

// number reads a number from the environment.
func number(t *testing.T, key string, otherwise int) int {
	t.Helper()
	text := os.Getenv(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%s: %v", key, text, err)
	}
	return n
}

// buildGenerator makes a build context and a Dockerfile out of a seed. A name
// tells what it is in every folder (d folder, f file, h hard link, l symbolic
// link, a archive, n file that COPY names), because builders differ in what a
// file that meets a folder becomes.
type buildGenerator struct {
	*rand.Rand
	t          *testing.T
	dir        string
	log        []string
	files      []string // regular files
	linked     []string // those and links
	dirs       []string
	sizes      int
	exceptions bool // in the .dockerignore file
	// buildKit adds what the classic builder does not have.
	buildKit bool
}

func newBuildGenerator(t *testing.T, seed uint64) *buildGenerator {
	return &buildGenerator{Rand: rand.New(rand.NewPCG(seed, 0)), t: t, dir: t.TempDir(), dirs: []string{"."}}
}

// one returns one of several values.
func one[T any](g *buildGenerator, values ...T) T { return values[g.IntN(len(values))] }

func (g *buildGenerator) check(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// time returns a time with a fraction of a second, in the past.
func (g *buildGenerator) time() time.Time {
	return time.Unix(g.Int64N(1_700_000_000), g.Int64N(1_000_000_000))
}

func (g *buildGenerator) mode() os.FileMode {
	return one(g, os.FileMode(0o644), 0o644, 0o755, 0o600, 0o400, 0o750, 0o777, 0o111, 0o666, 0, 0o755|os.ModeSetuid, 0o750|os.ModeSetgid)
}

// data returns content of a length that no other file has: the classic builder
// takes a file of equal length and time for unchanged.
func (g *buildGenerator) data() []byte {
	g.sizes++
	return bytes.Repeat([]byte{byte('a' + g.IntN(26))}, g.sizes)
}

// context fills the folder.
func (g *buildGenerator) context() {
	for i := range 1 + g.IntN(3) {
		name := path.Join(one(g, g.dirs...), fmt.Sprint("d", i))
		g.check(os.Mkdir(filepath.Join(g.dir, name), 0o755))
		g.dirs = append(g.dirs, name)
	}
	for range 2 + g.IntN(6) {
		g.contextFile(path.Join(one(g, g.dirs...), fmt.Sprint("f", g.IntN(4))))
	}
	for range g.IntN(4) {
		g.contextLink()
	}
	if g.IntN(3) == 0 {
		g.archive()
	}
	g.ignoreFile()
	// Folders last: what is made in them gives them a new time.
	for _, dir := range g.dirs[1:] {
		if g.exceptions && !g.buildKit {
			// The classic builder sends no folder that is left out: it is made anew,
			// with mode 0755, for what an exception brings back.
			g.stamp(dir, 0o755)
			continue
		}
		mode := one(g, os.FileMode(0o755), 0o755, 0o700, 0o750, 0o555, 0o777|os.ModeSticky, 0o755|os.ModeSetgid)
		if !g.buildKit {
			// fuse-overlayfs drops the bit if a later layer changes the folder.
			mode &^= os.ModeSetgid
		}
		g.stamp(dir, mode)
	}
}

// stamp gives a file a mode, which links have not, and a time.
func (g *buildGenerator) stamp(name string, mode os.FileMode) {
	p, at := filepath.Join(g.dir, name), g.time()
	if mode.Type() != os.ModeSymlink {
		g.check(os.Chmod(p, mode))
	}
	setModTime(g.t, p, at)
	g.log = append(g.log, fmt.Sprintf("%s %v %v", name, mode, at.UTC()))
}

func (g *buildGenerator) contextFile(name string) {
	p := filepath.Join(g.dir, name)
	if _, err := os.Lstat(p); err == nil {
		return
	}
	g.check(os.WriteFile(p, g.data(), 0o600))
	g.stamp(name, g.mode())
	g.files = append(g.files, name)
	g.linked = append(g.linked, name)
}

// contextLink makes a hard or a symbolic link.
func (g *buildGenerator) contextLink() {
	dir, to := one(g, g.dirs...), one(g, g.linked...)
	if g.IntN(2) == 0 && len(g.files) > 0 {
		name, to := path.Join(dir, fmt.Sprint("h", g.IntN(4))), one(g, g.files...)
		if os.Link(filepath.Join(g.dir, to), filepath.Join(g.dir, name)) == nil {
			g.linked = append(g.linked, name)
			g.log = append(g.log, name+" hard link of "+to)
		}
		return
	}
	if g.IntN(3) == 0 {
		to = one(g, append(g.dirs, "nothing", "../outside")...)
	}
	name := path.Join(dir, fmt.Sprint("l", g.IntN(4)))
	target, err := filepath.Rel(filepath.Join("/", dir), filepath.Join("/", to))
	g.check(err)
	if to == "../outside" {
		target = "/no/such"
	}
	if os.Symlink(target, filepath.Join(g.dir, name)) == nil {
		g.linked = append(g.linked, name)
		g.log = append(g.log, name+" -> "+target)
		g.stamp(name, os.ModeSymlink)
	}
}

// archive makes a tar archive for ADD.
func (g *buildGenerator) archive() {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	write := func(h tar.Header, data []byte) {
		h.ModTime, h.Uid, h.Gid, h.Size = g.time(), g.IntN(3), g.IntN(3), int64(len(data))
		h.Format = tar.FormatPAX
		g.check(tw.WriteHeader(&h))
		_, err := tw.Write(data)
		g.check(err)
		g.log = append(g.log, fmt.Sprintf("  %c %s %s %o %d:%d %v", h.Typeflag, h.Name, h.Linkname, h.Mode, h.Uid, h.Gid, h.ModTime))
	}
	first := one(g, "f0", "d0/f1", "d9/f2")
	if g.IntN(2) == 0 {
		write(tar.Header{Typeflag: tar.TypeDir, Name: one(g, "d0/", "./", "d9/"), Mode: 0o750}, nil)
	}
	write(tar.Header{Typeflag: tar.TypeReg, Name: first, Mode: int64(g.mode().Perm())}, g.data())
	if g.IntN(2) == 0 {
		write(tar.Header{Typeflag: tar.TypeReg, Name: one(g, "./f3", "d0/d8/f3"), Mode: int64(g.mode().Perm())}, g.data())
	}
	if g.IntN(2) == 0 {
		write(tar.Header{Typeflag: tar.TypeSymlink, Name: one(g, "l0", "l9"), Linkname: one(g, first, "d0", "/d9"), Mode: 0o777}, nil)
	}
	g.check(tw.Close())
	name, data := "a0.tar", buf.Bytes()
	if g.IntN(2) == 0 {
		var zipped bytes.Buffer
		zip := gzip.NewWriter(&zipped)
		_, err := zip.Write(data)
		g.check(err)
		g.check(zip.Close())
		name, data = "a0.tgz", zipped.Bytes()
	}
	g.check(os.WriteFile(filepath.Join(g.dir, name), data, 0o644))
	g.stamp(name, 0o640)
	g.files = append(g.files, name)
}

// ignoreFile writes a .dockerignore file in one context of four: a build whose
// Dockerfile names a file that is left out fails, and compares nothing.
func (g *buildGenerator) ignoreFile() {
	if g.IntN(4) != 0 {
		return
	}
	var lines []string
	for range 1 + g.IntN(3) {
		name := one(g, append(append([]string{}, g.linked...), g.dirs[1:]...)...)
		lines = append(lines, one(g, name, name, "**/"+path.Base(name), path.Dir(name)+"/f*", "!"+name, "# "+name))
	}
	g.exceptions = strings.Contains(strings.Join(lines, ""), "!")
	g.check(os.WriteFile(filepath.Join(g.dir, ".dockerignore"), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	g.stamp(".dockerignore", 0o644)
	g.log = append(g.log, "  "+strings.Join(lines, "\n  "))
}

// dockerfile returns a Dockerfile for the context and its number of stages.
func (g *buildGenerator) dockerfile() (text string, stages int) {
	var b strings.Builder
	if g.IntN(4) == 0 {
		b.WriteString("ARG G=/x\n")
	}
	stages = 1 + g.IntN(3)
	for i := range stages {
		base := "scratch"
		if i > 0 && g.IntN(2) == 0 {
			base = fmt.Sprint("s", g.IntN(i))
		}
		fmt.Fprintf(&b, "FROM %s AS s%d\n", base, i)
		for range 1 + g.IntN(4) {
			b.WriteString(g.instruction(i) + "\n")
		}
	}
	return b.String(), stages
}

// instruction returns a line of stage number i.
func (g *buildGenerator) instruction(i int) string {
	switch g.IntN(12) {
	case 0:
		return "WORKDIR " + path.Clean(g.folder())
	case 1:
		return "ADD " + one(g, "a0.t*", one(g, g.linked...), ".") + " " + g.folder()
	case 2, 3:
		if i > 0 {
			return g.copyFrom(i)
		}
	case 4:
		return g.configuration()
	}
	return "COPY " + g.flags() + g.copyArgs()
}

func (g *buildGenerator) flags() string {
	flags := ""
	if g.IntN(4) == 0 {
		flags = "--chown=" + one(g, "7", "3:4", "0:5") + " "
	}
	if g.buildKit && g.IntN(3) == 0 {
		flags += "--chmod=" + one(g, "755", "0640", "4711", "1777", "+x", "a+X", "u=rwX,go=rX", "go-w", "g=u", "+t,u+s") + " "
	}
	return flags
}

// copyArgs returns the sources and the destination of a COPY.
func (g *buildGenerator) copyArgs() string {
	switch g.IntN(6) {
	case 0:
		return ". " + g.folder()
	case 1:
		return one(g, g.dirs...) + " " + g.folder()
	case 2:
		return one(g, g.linked...) + " " + one(g, g.linked...) + " " + g.folder()
	case 3:
		return one(g, "f*", "*/f*", "?1", "[fh][0-2]", path.Dir(one(g, g.linked...))+"/*") + " " + g.folder()
	case 4:
		return one(g, g.files...) + " " + path.Join(g.folder(), fmt.Sprint("n", g.IntN(3)))
	}
	return one(g, g.linked...) + " " + g.folder()
}

// copyFrom returns a COPY from a stage before number i.
func (g *buildGenerator) copyFrom(i int) string {
	from := one(g, fmt.Sprint("s", g.IntN(i)), fmt.Sprint(g.IntN(i)))
	src := one(g, "/", "/x", "/d0", "/x/d0", "/f*", "/x/*", "/"+one(g, g.linked...), "/x/"+one(g, g.linked...), "/n0")
	return fmt.Sprintf("COPY --from=%s %s%s %s", from, g.flags(), src, g.folder())
}

// folder returns a folder of the image, which may not exist yet.
func (g *buildGenerator) folder() string {
	return one(g, "/", "/x/", "/x/y/", "./", "d0/", "/d0/d1/", "../d2/", "/x/l0/", "/l1/d0/", "x/d0/../d3/")
}

// configuration returns an instruction that changes the configuration only.
func (g *buildGenerator) configuration() string {
	lines := []string{
		"ENV A=1 B=${A:-x}2 PATH=/x:$PATH", "ENV C=$A-$B D='$A' E=\"$A b\" F=a\\ b", "ENV G h i", "ARG H=arg\nENV I=$H$G", "ARG G\nENV J=$G",
		"LABEL a=b \"c d\"=e", "CMD a $b", "CMD [\"a\", \"$b\"]", "ENTRYPOINT e f", "ENTRYPOINT [\"e\"]", "USER 5:6", "USER u", "EXPOSE 80 90/udp 100-102",
		"VOLUME /vol /v2", "STOPSIGNAL SIGINT", "SHELL [\"/sh\", \"-e\"]", "MAINTAINER me",
		"HEALTHCHECK --interval=5s --timeout=3s --retries=2 CMD check a", "HEALTHCHECK CMD [\"check\"]", "HEALTHCHECK NONE",
		"ONBUILD ENV O=1", "ONBUILD COPY . /onbuild/", "ONBUILD WORKDIR onbuild/d0", "ONBUILD RUN make",
	}
	sort.Strings(lines)
	return one(g, lines...)
}
