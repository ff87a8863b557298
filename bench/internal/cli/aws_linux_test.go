package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/runfile"
)

// cloud is a project folder and an endpoint that stands for AWS.
type cloud struct {
	t testing.TB
	*awssimtest.Endpoint
	dir string
}

func newCloud(t testing.TB, functions ...string) *cloud {
	t.Helper()
	c := &cloud{t: t, Endpoint: awssimtest.Serve(t, functions...), dir: t.TempDir()}
	text := "services:\n  scratch: {image: a, x-bench: {zip: true, doc: The binary.}}\n  al2: {image: b}\n"
	if err := os.WriteFile(filepath.Join(c.dir, "docker-compose.yml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, ".env"), []byte("COMPOSE_PROJECT_NAME=p\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cloud) command(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	c.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.settle()
	cmd := exec.Command(exe, args...)
	cmd.Args[0] = "real-bench"
	cmd.Dir = c.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "XDG_STATE_HOME=" + filepath.Join(c.dir, "state"), "TMPDIR=" + os.TempDir(),
		"AWS_ENDPOINT_URL=" + c.URL, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd, &stdout, &stderr
}

// settle orders what the test wrote and reads of the endpoint around a bench,
// which is another process.
func (c *cloud) settle() {
	c.Mu.Lock()
	defer c.Mu.Unlock()
}

// bench runs bench aws to its end and checks its exit code.
func (c *cloud) bench(code int, args ...string) ended {
	c.t.Helper()
	cmd, stdout, stderr := c.command(append([]string{"aws"}, args...)...)
	_ = cmd.Run()
	c.settle()
	e := ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if e.code != code {
		c.t.Fatalf("bench aws %q: exit code %d, want %d\n%s\n%s", args, e.code, code, e.stdout, e.stderr)
	}
	return e
}

// run reads the newest run file.
func (c *cloud) run() *runfile.Run {
	c.t.Helper()
	entries, warnings, err := runfile.Folder(filepath.Join(c.dir, "results", "runs"))
	if err != nil || len(warnings) > 0 || len(entries) == 0 {
		c.t.Fatalf("run files: %d, %q, %v", len(entries), warnings, err)
	}
	run, err := runfile.Open(entries[len(entries)-1].Path)
	if err != nil {
		c.t.Fatal(err)
	}
	return run
}

// untouched checks that every function is unchanged.
func (c *cloud) untouched() {
	c.t.Helper()
	c.Mu.Lock()
	defer c.Mu.Unlock()
	for name, f := range c.Sim.Stats().Functions {
		if want := map[string]string{"KEPT": "secret-" + name}; !maps.Equal(f.Variables, want) || f.MemoryMB != 512 || len(f.Versions) > 0 || f.Image != awssimtest.Image {
			c.t.Errorf("%s was left changed: %v, %d MB, versions %v, image %s", name, f.Variables, f.MemoryMB, f.Versions, f.Image)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(c.dir, "state", "coldbench", "aws", "*")); len(files) > 0 {
		c.t.Errorf("journals are left: %q", files)
	}
}

func TestAWSMeasuresServicesAndNamesRehearsals(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	e := c.bench(0, "--runs", "3", "--warm-runs", "2", "--pause", "0s")
	c.untouched()
	run := c.run()
	if len(run.Samples) != 2*3*3+2 { // and two first-after-deploy
		t.Errorf("%d samples\n%s", len(run.Samples), e.stderr)
	}
	if h := run.Header; h.Backend != "aws" || h.Engine != "eu-west-1" || !strings.HasPrefix(h.Rehearsal, "endpoint 127.0.0.1:") || len(h.Unavailable) != 1 || h.Unavailable[0].Variant != "scratch-zip" || h.Unavailable[0].Hint == "" {
		t.Errorf("header %+v", h)
	}
	for _, config := range run.Header.Configs {
		if i := config.Image; !strings.HasPrefix(i.Digest, "sha256:abab") || i.ImageID != i.Digest || i.Layers != 0 || i.SizeBytes != 0 || i.CompressedBytes != 0 || i.Base != "" {
			t.Errorf("%s: of its image is stated %+v", config.Variant, i)
		}
	}
	text := readAll(run.Path)
	if strings.Contains(text, `"layers"`) || strings.Contains(text, "Bytes\"") {
		t.Errorf("facts that AWS does not tell are in the header: %s", text[:strings.Index(text, "\n")])
	}
	for _, secret := range []string{awssim.Account, "user/rehearsal", "secret", "AKIA", `"bench-`} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the run file", secret)
		}
	}
	if !strings.HasSuffix(run.Path, "-aws-rehearsal.jsonl") {
		t.Errorf("run file %s", run.Path)
	}
	table := readAll(filepath.Join(c.dir, "results", "aws-rehearsal.md"))
	if !strings.Contains(table, "not AWS") || !strings.Contains(table, "Rehearsal") {
		t.Errorf("the table does not say what it is:\n%s", table)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "results", "aws.md")); err == nil {
		t.Error("a rehearsal wrote aws.md")
	}
	if _, err := os.Stat(filepath.Join(c.dir, "results", "summary.md")); err == nil {
		t.Error("a rehearsal wrote summary.md")
	}
	if !strings.Contains(e.stderr, "p-scratch") || !strings.Contains(e.stderr, "updates of 2 functions") {
		t.Errorf("the plan is not on stderr:\n%s", e.stderr)
	}
	invocations := c.Invocations
	// What was measured once is not new the next time.
	c.bench(0, "--runs", "2", "--cold", "scratch", "al2")
	if n := c.Invocations - invocations; n != 4 {
		t.Errorf("%d invocations, want 4", n)
	}
}

// --dry-run changes nothing and invokes nothing.
func TestAWSDryRun(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	c.Deploy("p-al2", func(f *awssim.Function) { f.State = "Inactive" })
	e := c.bench(0, "--dry-run")
	if !strings.Contains(e.stdout, "100 cold starts and 500 warm invocations") || !strings.Contains(e.stdout, "inactive") || !strings.Contains(e.stdout, "102 updates of 2 functions") || !strings.Contains(e.stdout, "no earlier run)") {
		t.Errorf("plan:\n%s", e.stdout)
	}
	for call, n := range c.Counts {
		if call != "GetFunction" && call != "GetAccountSettings" && call != "GetCallerIdentity" {
			t.Errorf("%d calls of %s", n, call)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "results")); err == nil {
		t.Error("there are results")
	}
}

func TestAWSUsage(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2", "fn")
	c.Publish("fn", "", "live")
	for _, w := range []struct {
		code int
		args string
		text string
	}{
		{2, "--strategy magic", "config-update, code-update, burst, version, idle"},
		{2, "--parallel 0", "--parallel 0"},
		{2, "--max-cost -1", "--max-cost"},
		{2, "--strategy burst --warm-runs 3", "cold starts only"},
		{2, "--strategy burst --warm", "cold starts only"},
		{2, "live=fn:live", "--strategy burst, idle or version"},
		{2, "bad=a:b:c", "no version or alias"},
		{2, "nothing", "the compose file has scratch, scratch-zip, al2"},
		{2, "--restore scratch", "takes no functions"},
		{2, "--baseline none", "not among the variants"},
		{1, "mine=missing", "not deployed in eu-west-1"},
		{1, "scratch-zip", "not deployed"},
		{1, "--arch arm64 mine=fn", "architecture amd64, not arm64"},
		{1, "--strategy idle --memory 128 mine=fn", "--memory 512"},
	} {
		e := c.bench(w.code, strings.Fields(w.args)...)
		if !strings.Contains(e.stderr, w.text) || e.stdout != "" {
			t.Errorf("%s: %q is not in\n%s%s", w.args, w.text, e.stdout, e.stderr)
		}
	}
	if n := c.Counts["UpdateFunctionConfiguration"] + c.Counts["Invoke"]; n != 0 {
		t.Errorf("%d updates and invocations", n)
	}
}

func TestAWSMemorySizesAndBursts(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "fn", "other")
	c.bench(0, "--runs", "3", "--cold", "--memory", "128,1769", "mine=fn", "his=other")
	c.untouched()
	run := c.run()
	sizes := map[float64]int{}
	first := 0
	for _, s := range run.Samples {
		sizes[*s.Metrics.MemorySizeMB]++
		if s.Class == "first-after-deploy" {
			first++
		}
	}
	if sizes[128] != 3*2+2 || sizes[1769] != 3*2 || first != 2 {
		t.Errorf("sizes %v, %d first after deploy", sizes, first)
	}
	c.Engine.Wait = 30 * time.Millisecond
	c.bench(0, "--runs", "20", "--strategy", "burst", "--burst", "10", "mine=fn")
	c.untouched()
	if run = c.run(); len(run.Samples) != 20 || run.Header.Plan.Burst != 10 || run.Header.Plan.Only != "cold" {
		t.Errorf("%d samples, plan %+v", len(run.Samples), run.Header.Plan)
	}
	rounds := map[int]bool{}
	for _, s := range run.Samples {
		rounds[s.Round] = true
	}
	if len(rounds) != 20 || c.Engine.Most() < 5 {
		t.Errorf("%d rounds, %d at one time", len(rounds), c.Engine.Most())
	}
}

// The control is the baseline's own function once more: the two take turns, and
// go on after an interrupt.
func TestAWSControl(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	c.Engine.Wait = 3 * time.Millisecond
	c.Engine.Handle = func(e awssimtest.Event) awssimtest.Answer {
		if e.Spec.Function.Name != "p-scratch" {
			return awssimtest.Answer{}
		}
		return awssimtest.Answer{Payload: fmt.Sprintf(`{"instanceId":"i%d","invocation":%d,"token":%q,"processUptimeMs":20}`, e.Instance, e.Count, e.Token())}
	}
	if e := c.bench(0, "--control", "--dry-run", "scratch"); !strings.Contains(e.stdout, "not that of a second deployment") || !strings.Contains(e.stdout, "100 cold starts") || !strings.Contains(e.stdout, "of 1 function ") {
		t.Errorf("plan:\n%s", e.stdout)
	}
	c.bench(0, "--control", "--runs", "6", "--warm-runs", "2", "--pause", "0s", "scratch", "al2")
	c.untouched()
	run := c.run()
	check := func() {
		t.Helper()
		n := map[string]int{}
		for _, s := range run.Samples {
			if s.Class == "cold" {
				n[s.Config.Variant]++
			}
		}
		if n["scratch"] != 6 || n["scratch-control"] != 6 || n["al2"] != 6 || len(run.Rejects)+len(run.Failures) > 0 {
			t.Errorf("cold starts %v, %d rejects, %d failures", n, len(run.Rejects), len(run.Failures))
		}
		for _, config := range run.Header.Configs {
			if config.Variant != "al2" && config.Function.Name != "p-scratch" {
				t.Errorf("%s is function %s", config.Variant, config.Function.Name)
			}
		}
	}
	check()
	if table := readAll(filepath.Join(c.dir, "results", "aws-rehearsal.md")); !strings.Contains(table, "Noise floor: ") || !strings.Contains(table, "--control") {
		t.Errorf("the table says nothing of the noise:\n%s", table)
	} else if _, rest, _ := strings.Cut(table, "### Init: platform, ms"); !strings.Contains(rest, "| cold  | scratch         | 6 |           6 | 24.1 |") {
		t.Errorf("init is not split by the process's age:\n%s", rest)
	}
	// Its times are all equal.
	if e := c.bench(0, "--control", "--dry-run", "scratch", "al2"); !strings.Contains(e.stdout, "at the spread seen in "+run.Header.ID) || !strings.Contains(e.stdout, "  al2, against scratch: not known") || strings.Contains(e.stdout, "  scratch-control: ") {
		t.Errorf("plan:\n%s", e.stdout)
	}
	if e := c.bench(0, "--dry-run", "--strategy", "burst", "scratch"); !strings.Contains(e.stdout, "no earlier run)") {
		t.Errorf("a run of another strategy is gone by:\n%s", e.stdout)
	}
	lines := strings.SplitAfter(readAll(run.Path), "\n")
	if err := os.WriteFile(run.Path, []byte(strings.Join(lines[:len(lines)/2], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	c.bench(0, "--resume", run.Path)
	run = c.run()
	check()
	c.bench(2, "--control", "scratch=p-scratch", "scratch-control=p-al2")
}

// Whatever the endpoint refuses: the same samples, every configuration as it
// was, and each invocation that was sent is a sample or a reject.
func TestAWSUnderFaults(t *testing.T) {
	slow(t)
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	dice := rand.New(rand.NewPCG(7, 7))
	c.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
		c.Mu.Lock()
		d := dice.Float64()
		c.Mu.Unlock()
		switch {
		case op == "DryRun":
			return false
		case d < 0.05:
			awssimtest.Refuse(w, 429, "TooManyRequestsException", "Rate exceeded")
		case d < 0.07:
			awssimtest.Refuse(w, 500, "ServiceException", "internal")
		case d < 0.08:
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	}
	c.bench(0, "--runs", "15", "--warm-runs", "2", "--pause", "0s", "scratch", "al2")
	c.untouched()
	run := c.run()
	if want := 2*15*3 + 2; len(run.Samples) != want || len(run.Failures) != 0 {
		t.Errorf("%d samples, %d failures; want %d", len(run.Samples), len(run.Failures), want)
	}
	if sent := c.Counts["Invoke"]; sent != len(run.Samples)+len(run.Rejects) || len(run.Rejects) == 0 {
		t.Errorf("%d invocations were sent, %d samples and %d rejects recorded", sent, len(run.Samples), len(run.Rejects))
	}
	for _, r := range run.Rejects {
		if r.Reason != "throttled" && r.Reason != "unavailable" {
			t.Errorf("reject %+v", r)
		}
	}
	if !strings.Contains(strings.Join(run.End.Warnings, "\n"), "refused for their rate") {
		t.Errorf("warnings %q", run.End.Warnings)
	}
}

// A bench that is interrupted puts back what it changed and keeps its samples.
func TestAWSInterrupted(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	cmd, _, stderr := c.command("aws", "--runs", "1000", "--cold", "scratch", "al2")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.until(func() bool { return c.Invocations >= 5 })
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "bench aws --resume") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	c.untouched()
	if run := c.run(); len(run.Samples) < 4 || run.End == nil || run.End.Stopped != runfile.StoppedInterrupted {
		t.Errorf("%d samples, end %+v", len(run.Samples), run.End)
	}
}

func (c *cloud) until(done func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		c.Mu.Lock()
		ok := done()
		c.Mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			c.t.Fatal("nothing happens")
		}
	}
}

// A bench that is killed leaves functions changed; the next one, or --restore,
// puts them back, and --resume goes on with the same plan.
func TestAWSKilled(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	cmd, _, _ := c.command("aws", "--runs", "6", "--cold", "--memory", "128,256", "scratch", "al2")
	kept := 0
	for i := 0; ; i++ {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		at := time.Duration(400+rand.IntN(700)) * time.Millisecond
		select {
		case <-done:
		case <-time.After(at):
			_ = cmd.Process.Kill()
			<-done
		}
		if cmd.ProcessState.Exited() {
			finished := strings.Contains(fmt.Sprint(cmd.Stderr), "the run is finished") // but for its tables
			if code := cmd.ProcessState.ExitCode(); code != 0 && !finished {
				t.Fatalf("exit code %d\n%s", code, cmd.Stderr)
			}
			break
		}
		if i > 60 {
			t.Fatal("no end")
		}
		path := filepath.Join(c.dir, "results", "runs")
		files, _ := os.ReadDir(path)
		if len(files) == 0 {
			cmd, _, _ = c.command(cmd.Args[1:]...)
			continue
		}
		now := len(c.run().Samples)
		if now < kept {
			t.Fatalf("%d samples, %d before", now, kept)
		}
		kept = now
		if i%2 == 0 {
			c.bench(0, "--restore")
			c.untouched()
		}
		cmd, _, _ = c.command("aws", "--resume", filepath.Join("results", "runs", files[0].Name()))
	}
	c.untouched()
	run := c.run()
	if want := 6*4 + 2; len(run.Samples) != want || len(run.Failures) != 0 {
		t.Errorf("%d samples, want %d", len(run.Samples), want)
	}
	seen := map[string]bool{}
	for _, s := range run.Samples {
		key := fmt.Sprint(s.Config, s.Round)
		if seen[key] {
			t.Errorf("twice: %s", key)
		}
		seen[key] = true
	}
	t.Logf("resumed %d times", len(run.Resumes))
}

// Somebody else's change ends the run; credentials that expire do too, and the
// run goes on when there are new ones.
func TestAWSStopsAndResumes(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	expired := false
	c.Fault = func(op string, n int, w http.ResponseWriter, _ *http.Request) bool {
		c.Mu.Lock()
		defer c.Mu.Unlock()
		if expired = expired || op == "Invoke" && n == 6; !expired {
			return false
		}
		awssimtest.Refuse(w, 403, "ExpiredTokenException", "The security token included in the request is expired")
		return true
	}
	e := c.bench(1, "--runs", "5", "--cold", "--parallel", "1", "scratch", "al2")
	if !strings.Contains(e.stderr, "log in again") || !strings.Contains(e.stderr, "bench aws --resume") || !strings.Contains(e.stderr, "bench aws --restore") {
		t.Errorf("stderr:\n%s", e.stderr)
	}
	c.Mu.Lock()
	c.Fault = nil
	c.Mu.Unlock()
	run := c.run()
	if len(run.Samples) != 5 || len(run.Failures)+len(run.Rejects) != 0 {
		t.Errorf("%d samples, %d failures, %d rejects", len(run.Samples), len(run.Failures), len(run.Rejects))
	}
	c.bench(0, "--resume", run.Path)
	c.untouched()
	if run = c.run(); len(run.Samples) != 12 || len(run.Failures) != 0 {
		t.Errorf("%d samples after resuming", len(run.Samples))
	}
	if c.Counts["Invoke"] != 13 {
		t.Errorf("%d invocations were sent", c.Counts["Invoke"])
	}
}

// The journal is on disk before the first update.
func TestAWSJournalComesFirst(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	journals := -1
	c.Fault = func(op string, n int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == "UpdateFunctionConfiguration" && n == 1 {
			files, _ := filepath.Glob(filepath.Join(c.dir, "state", "coldbench", "aws", "*.journal"))
			journals = 0
			for _, f := range files {
				var j struct{ Functions []struct{ Name string } }
				if err := json.Unmarshal([]byte(readAll(f)), &j); err == nil && len(j.Functions) == 2 {
					journals++
				}
			}
		}
		return false
	}
	c.bench(0, "--runs", "1", "--cold", "scratch", "al2")
	if journals != 1 {
		t.Errorf("%d journals of two functions before the first update", journals)
	}
}
