package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/fake"
	"coldbench/bench/internal/cli"
	"coldbench/bench/internal/coldstart"
)

// TestMain is bench itself where a test calls it: "bench" is the real command
// line over an engine that makes its environments up, "real-bench" the program
// as it is shipped.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bench":      bench,
		"real-bench": func() { os.Exit(cli.Main(context.Background(), cli.FromProcess())) },
		"neighbour":  spin,
	})
}

// bench runs the command with the fake backend under both engines' names. The
// script's variables say how it behaves: FAKE_PACE (a duration), FAKE_DIE and
// FAKE_STALE (counts), FAKE_DEAD (the engines that do not answer), FAKE_STORAGE
// (docker's storage driver), and NOW, the
// first reading of a clock that steps a second a reading. FAKE_NEIGHBOUR and
// FAKE_STOLEN are the shares of the CPUs' time that a neighbour takes and that a
// hypervisor gives to others.
func bench() {
	env := cli.FromProcess()
	env.OpenEngine = openFake
	env.Args = withoutPause(env.Args)
	env.HostStat = fakeStat()
	begin, err := time.Parse(time.RFC3339, os.Getenv("NOW"))
	if err != nil {
		panic(err)
	}
	var readings atomic.Int64
	env.Now = func() time.Time {
		return begin.Add(time.Duration(readings.Add(1)-1) * time.Second)
	}
	os.Exit(cli.Main(context.Background(), env))
}

// withoutPause drops the pause between invocations from a run that says nothing
// about it: the made-up engine needs none, and scripts would mostly sleep. A run
// that is resumed has the pause of its file.
func withoutPause(args []string) []string {
	named := slices.ContainsFunc(args, func(arg string) bool {
		return strings.HasPrefix(arg, "--pause") || strings.HasPrefix(arg, "--resume")
	})
	if len(args) == 0 || args[0] != "local" || named || os.Getenv("FAKE_NEIGHBOUR") != "" {
		return args
	}
	return append([]string{"local", "--pause", "0s"}, args[1:]...)
}

// fakeStat is the /proc/stat of a machine with a neighbour; nil without one.
func fakeStat() func() (string, error) {
	share, err := strconv.ParseFloat(os.Getenv("FAKE_NEIGHBOUR"), 64)
	if err != nil {
		return nil
	}
	stolen, _ := strconv.ParseFloat(os.Getenv("FAKE_STOLEN"), 64)
	began := time.Now()
	return func() (string, error) {
		all := 2 * float64(time.Since(began).Microseconds())
		return fmt.Sprintf("cpu  %.0f 0 0 %.0f 0 0 0 %.0f 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\n", share*all, (1-share-stolen)*all, stolen*all), nil
	}
}

func openFake(_ context.Context, name string, o cli.EngineOptions) (*cli.Engine, error) {
	if strings.Contains(os.Getenv("FAKE_DEAD"), name) {
		return nil, advice.Hint(fmt.Errorf("opening %s: nobody answers", name), "start it")
	}
	number := func(key string) int {
		n, _ := strconv.Atoi(os.Getenv(key))
		return n
	}
	pace, _ := time.ParseDuration(os.Getenv("FAKE_PACE"))
	backend := fake.New(fake.Options{Seed: 1, Pace: pace, DieAfter: number("FAKE_DIE"), StaleEvery: number("FAKE_STALE"), Facts: fakeFacts(name)})
	return &cli.Engine{
		LocalBackend: backend, Name: name, Containers: name == "docker",
		Prepare: func(_ context.Context, img coldstart.Image) (coldstart.Image, error) { return img, nil },
	}, nil
}

// fakeFacts are those of an engine with overlay2, or with the storage driver in
// FAKE_STORAGE.
func fakeFacts(name string) coldstart.EngineFacts {
	driver, ok := os.LookupEnv("FAKE_STORAGE")
	switch {
	case name != "docker":
		return coldstart.EngineFacts{}
	case !ok:
		driver = "overlay2"
	}
	return coldstart.EngineFacts{StorageDriver: driver, CgroupDriver: "cgroupfs", Runtime: "runc"}
}

// TestScripts runs testdata/script: one script for each thing that the command
// line promises.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NOW", "2026-01-02T03:04:05Z")
			e.Setenv("DOCKER_HOST", "unix://"+filepath.Join(e.WorkDir, "no-docker.sock"))
			e.Defer(func() { unmountBelow(e.WorkDir) })
			return layOut(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"interrupt": interrupt,
			"lines":     lines,
			"samples":   samples,
			"empty":     empty,
			"newrun":    newRun,
			"edit":      edit,
			"truncate":  truncate,
			"tidy":      tidy,
			"json":      isJSON,
			"verdicts":  verdicts,
			"refused":   refused,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// exits CODE PROGRAM ARGS... runs a program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("%v", err)
	return -1
}

// interrupt GLOB N PROGRAM ARGS... runs a program until the newest file that
// the pattern matches has N samples, sends it SIGINT, and leaves what it wrote
// in the files out and err. It has to exit with 130.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt GLOB N PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	cmd := exec.Command(args[2], args[3:]...)
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, args[2]); executable(path) {
			cmd.Path, cmd.Err = path, nil
			break
		}
	}
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"), "NOW="+ts.Getenv("NOW"), "FAKE_PACE="+ts.Getenv("FAKE_PACE"), "DOCKER_HOST="+ts.Getenv("DOCKER_HOST"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ts.Check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for patience := time.Now().Add(time.Minute); ; {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if len(found) > 0 && strings.Count(readAll(found[len(found)-1]), `"type":"sample"`) >= want {
			break
		}
		select {
		case err := <-done:
			ts.Fatalf("ended before it could be interrupted: %v\n%s", err, stderr.String())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(patience) {
			cmd.Process.Kill()
			ts.Fatalf("no %d samples\n%s", want, stderr.String())
		}
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	code := exitCode(ts, <-done)
	ts.Logf("[stderr]\n%s", stderr.String())
	if code != 130 {
		ts.Fatalf("exit code %d, want 130", code)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), stdout.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o644))
}

// layOut copies testdata/project, the project that scripts measure, except for
// what a script has a file of its own for.
func layOut(dir string) error {
	files, err := filepath.Glob("testdata/project/*")
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.Base(file))
		if _, err := os.Stat(to); err == nil {
			continue
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// unmountBelow takes away what a script that failed left mounted in a folder.
func unmountBelow(dir string) {
	for line := range strings.Lines(readAll("/proc/self/mounts")) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			exec.Command("umount", f[1]).Run()
		}
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0 && !info.IsDir()
}

func readAll(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}
