package backend_test

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// languageMB is the memory size of all measurements here: small enough for a
// runtime that sizes its heap by it to differ from one that sees the machine.
const languageMB = 512

// language is a test image with a real runtime, made by make language-images.
type language struct {
	name    string
	archive string
}

// languageImage returns a language's image and skips the test if it was not
// made.
func languageImage(t testing.TB, name string) language {
	t.Helper()
	l := language{name: name, archive: filepath.Join("..", "..", "..", ".build", "languages", runtime.GOARCH, name+".tar")}
	_, err := os.Stat(l.archive)
	if err != nil {
		err = fmt.Errorf("%w: make language-images makes it, on a machine with a Debian mirror", err)
	}
	backendtest.Require(t, "languages", err)
	return l
}

// store returns a store that holds the image.
func (l language) store(t testing.TB) (*image.Store, coldstart.Image) {
	t.Helper()
	dir := t.TempDir()
	openUp(dir)
	s, err := image.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(l.archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := s.ImportStream(context.Background(), f, image.ImportOptions{Ref: "coldbench/language:" + l.name})
	if err != nil {
		t.Fatal(err)
	}
	return s, img
}

// floor returns the bare cold start of the image.
func (l language) floor(t testing.TB) *chrootFloor {
	t.Helper()
	dir := t.TempDir()
	openUp(dir)
	layer, entrypoint, env, err := l.split(dir)
	if err != nil {
		t.Fatal(err)
	}
	floor, err := newChrootFloor(dir, layer, entrypoint, env, languageMB)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(floor.close)
	return floor
}

// split writes the image's one layer to a file in dir and returns its path, and
// what the image's configuration says.
func (l language) split(dir string) (layer string, entrypoint, env []string, err error) {
	f, err := os.Open(l.archive)
	if err != nil {
		return "", nil, nil, err
	}
	defer f.Close()
	var config struct {
		Config struct{ Entrypoint, Env []string }
	}
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		switch {
		case err == io.EOF:
			return layer, config.Config.Entrypoint, config.Config.Env, nil
		case err != nil:
			return "", nil, nil, err
		case strings.HasSuffix(h.Name, ".tar"):
			layer = filepath.Join(dir, "layer.tar")
			err = copyTo(layer, in)
		case strings.HasSuffix(h.Name, ".json") && path.Base(h.Name) != "manifest.json":
			err = json.NewDecoder(in).Decode(&config)
		}
		if err != nil {
			return "", nil, nil, err
		}
	}
}

func copyTo(path string, r io.Reader) error {
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// openLanguage opens an image on an engine.
func openLanguage(t testing.TB, b coldstart.Backend, name string, img coldstart.Image, log func(string)) coldstart.Target {
	t.Helper()
	target, err := b.Open(context.Background(), coldstart.Config{Variant: name, MemoryMB: languageMB, Arch: runtime.GOARCH}, img,
		coldstart.Options{Payload: []byte(`{}`), Timeout: 10 * time.Second, LimitCPU: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	})
	return target
}

// TestLanguages: on each engine, an image of another language gives cold and warm
// samples like any other, and what its build has prepared is valid inside.
func TestLanguages(t *testing.T) {
	for _, name := range []string{"python", "bash", "node", "java"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "python" && name != "bash" {
				t.Skip("loads a large image: make test-all")
			}
			l := languageImage(t, name)
			store, img := l.store(t)
			told := map[string][]string{}
			for _, e := range engines() {
				t.Run(e.name, func(t *testing.T) {
					b, img := e.open(t, store, img)
					checkIdentities(t, openLanguage(t, b, name, img, nil), name != "bash")
					switch name {
					case "python":
						checkCompiled(t, b, img)
					case "java":
						told[e.name] = checkJVM(t, b, img)
					}
				})
			}
			if a, b := told["sandbox"], told["docker"]; a != nil && b != nil && !slices.Equal(a, b) {
				t.Errorf("the JVM decides for %q in the sandbox, for %q on docker", a, b)
			}
		})
	}
}

// checkIdentities takes two cold starts with warm invocations. clock says whether
// the function tells when it started.
func checkIdentities(t *testing.T, target coldstart.Target, clock bool) {
	t.Helper()
	seen := map[string]bool{}
	for range 2 {
		env, cold, err := target.Start(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		proofs := []string{"initDuration", "newInstance"}
		if clock {
			proofs = append(proofs, "startedInInit")
		}
		for _, p := range proofs {
			if !slices.Contains(cold.Proof, p) {
				t.Errorf("a cold sample is proved by %q, not by %s", cold.Proof, p)
			}
		}
		if cold.Class != coldstart.ClassCold || cold.Function == nil || seen[cold.Function.InstanceID] {
			t.Fatalf("cold sample %+v of %+v", cold, cold.Function)
		}
		seen[cold.Function.InstanceID] = true
		for n := 2; n <= 4; n++ {
			warm, err := env.Invoke(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if warm.Invocation != n || warm.Environment != cold.Environment || !slices.Contains(warm.Proof, "sameInstance") {
				t.Errorf("invocation %d is %+v", n, warm)
			}
		}
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}
}

// startWith starts an image once with words after the first one of its entrypoint,
// and returns the lines that it wrote.
func startWith(t *testing.T, b coldstart.Backend, img coldstart.Image, words ...string) []string {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	img.Entrypoint = slices.Insert(slices.Clone(img.Entrypoint), 1, words...)
	target := openLanguage(t, b, "told", img, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	})
	if err := cold(target); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return lines
}

// count counts the lines that have a part and an end.
func count(lines []string, part, end string) int {
	n := 0
	for _, line := range lines {
		if strings.Contains(line, part) && strings.HasSuffix(line, end) {
			n++
		}
	}
	return n
}

// checkCompiled: Python takes every module from its .pyc, none from its source.
func checkCompiled(t *testing.T, b coldstart.Backend, img coldstart.Image) {
	t.Helper()
	lines := startWith(t, b, img, "-v")
	if n := count(lines, "# code object from '", ".pyc'"); n < 50 {
		t.Errorf("Python has loaded %d compiled modules, want the library's", n)
	}
	if n := count(lines, "# code object from /", ".py"); n > 0 {
		t.Errorf("Python has compiled %d modules: their .pyc files are stale", n)
	}
}

// checkJVM: the classes come from the AppCDS archive, which holds the time of the
// jar, and the JVM goes by the function's memory. It returns its decisions.
func checkJVM(t *testing.T, b coldstart.Backend, img coldstart.Image) []string {
	t.Helper()
	lines := startWith(t, b, img, "-Xlog:class+load,gc,gc+init:stdout")
	if n := count(lines, "] Loop source: ", "shared objects file"); n != 1 {
		t.Errorf("class Loop does not come from the archive: %q", lines[:min(5, len(lines))])
	}
	var decisions []string
	for _, line := range lines {
		_, text, _ := strings.Cut(line, "] ") // after "[0.012s][info][gc,init]"
		for _, about := range []string{"Using ", "Memory: ", "Heap Max Capacity: ", "CPUs: "} {
			if strings.HasPrefix(text, about) && strings.Contains(line, "[gc") {
				decisions = append(decisions, text)
			}
		}
	}
	if want := fmt.Sprintf("Memory: %dM", languageMB); !slices.Contains(decisions, want) || !slices.Contains(decisions, "Using Serial") {
		t.Errorf("the JVM decides for %q, want %s and the collector for it, Serial", decisions, want)
	}
	return decisions
}

// TestCalibrateLanguages: Init Duration is within 10 % or 2 ms of the floor, for
// each language on each engine (make calibrate).
func TestCalibrateLanguages(t *testing.T) {
	if os.Getenv("BENCH_CALIBRATE") == "" {
		t.Skip("measures times: make calibrate")
	}
	const rounds = 20
	t.Setenv("DOCKER_HOST", backendtest.Overlay2(t))
	for _, name := range []string{"python", "node", "java", "bash"} {
		t.Run(name, func(t *testing.T) {
			l := languageImage(t, name)
			floor := l.floor(t)
			targets := map[string]coldstart.Target{}
			for _, e := range engines() {
				store, img := l.store(t)
				b, img := e.open(t, store, img)
				targets[e.name] = openLanguage(t, b, name, img, nil)
			}
			for attempt := 1; ; attempt++ {
				off := compareToFloor(t, floor, targets, rounds)
				if off == "" {
					return
				}
				if attempt == 3 {
					t.Error(off)
					return
				}
				t.Log("off: measuring again, the machine may have been busy")
			}
		})
	}
}

// compareToFloor takes cold starts in turns and says which engine's median is
// too far from the floor's.
func compareToFloor(t *testing.T, floor *chrootFloor, targets map[string]coldstart.Target, rounds int) (off string) {
	t.Helper()
	init := map[string][]float64{}
	names := append(slices.Sorted(maps.Keys(targets)), "floor")
	const warmup = 2 // the first files come from the disk
	for i := range warmup + rounds {
		for j := range names {
			name := names[(i+j)%len(names)] // what one leaves to do slows the next
			ms := coldInit(t, floor, targets[name])
			if i >= warmup {
				init[name] = append(init[name], ms)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	base := median(init["floor"])
	t.Logf("floor: %s, least %.3g, n %d, %s", spread(init["floor"]), slices.Min(init["floor"]), rounds, machineState())
	for name := range maps.Keys(targets) {
		by := median(init[name]) - base
		t.Logf("%s: %s, least %.3g; %+.2f ms, %+.1f %%", name, spread(init[name]), slices.Min(init[name]), by, 100*by/base)
		if math.Abs(by) > max(toleranceMs, base/10) {
			off += fmt.Sprintf("%s: Init Duration is %+.2f ms from the floor's %.2f; ", name, by, base)
		}
	}
	return off
}

// coldInit makes one cold start, of the floor if there is no target, and returns
// how long it took until the first GET /next.
func coldInit(t *testing.T, floor *chrootFloor, target coldstart.Target) float64 {
	t.Helper()
	if target != nil {
		return measure(t, target, 0, 0).init[0]
	}
	ms, err := floor.cold()
	if err != nil {
		t.Fatal(err)
	}
	return ms
}
