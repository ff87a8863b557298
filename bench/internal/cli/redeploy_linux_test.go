package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// pushed writes what bench images push would have: the image of every function,
// and n fresh ones, of which the first is image from.
func (c *cloud) pushed(from, n int, variants ...string) {
	c.t.Helper()
	type image struct {
		URI   string   `json:"uri"`
		Fresh []string `json:"fresh,omitempty"`
	}
	img := image{URI: awssimtest.Repository + "@" + awssimtest.Image}
	for i := range n {
		img.Fresh = append(img.Fresh, awssimtest.Repository+"@"+awssimtest.Digest(from+i))
	}
	images := map[string]map[string]image{}
	for _, v := range variants {
		images[v] = map[string]image{"amd64": img}
	}
	text, err := json.Marshal(map[string]any{"images": images})
	if err == nil {
		err = os.MkdirAll(filepath.Join(c.dir, "deployment"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(c.dir, "deployment", "images.auto.tfvars.json"), text, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// deployments checks what has to hold of a run that deploys images, however it
// came about: an image is new once, the first cold start of each is of its class,
// and the runs are all there.
func deployments(t *testing.T, run *runfile.Run, k, runs int) {
	t.Helper()
	for _, c := range run.Header.Configs {
		images, first := map[string]bool{}, map[int]bool{}
		colds := 0
		for _, d := range run.Deployed {
			if d.Variant != c.Variant {
				continue
			}
			if images[d.Image] {
				t.Errorf("%s: %s was new twice", c.Variant, d.Image)
			}
			images[d.Image] = true
		}
		for _, s := range run.Samples {
			switch d := s.Deployment; {
			case s.Config.Variant != c.Variant || s.Start != coldstart.Cold:
			case d == nil:
				t.Errorf("%+v follows no deployment", s)
			case s.Class == coldstart.ClassFirstAfterDeploy:
				if s.Strategy != "code-update" || d.Position != 0 || d.Again || first[d.Number] {
					t.Errorf("first: %s, %+v", s.Strategy, d)
				}
				first[d.Number] = true
			default:
				if colds++; s.Strategy != "config-update" || d.Position == 0 || s.Class != coldstart.ClassCold {
					t.Errorf("%s: %s, %+v", s.Class, s.Strategy, d)
				}
			}
		}
		if len(first) != k || colds != runs || len(images) < k {
			t.Errorf("%s: %d first cold starts of %d images, %d others; want %d and %d", c.Variant, len(first), len(images), colds, k, runs)
		}
	}
}

func TestAWSRedeploys(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2")
	c.pushed(1, 4, "scratch", "al2")
	args := []string{"--redeploy", "3", "--runs", "7", "--warm-runs", "1", "--pause", "0s", "scratch", "al2"}
	e := c.bench(0, append([]string{"--dry-run"}, args...)...)
	for _, want := range []string{"14 cold starts and 14 warm invocations", "10 rounds of 2 configs", "3 deployments to each function", "then 2 or 3 of the 7", "26 updates of 2 functions by strategy code-update"} {
		if !strings.Contains(e.stdout, want) {
			t.Errorf("%q is not in the plan:\n%s", want, e.stdout)
		}
	}
	if n := c.Counts["UpdateFunctionCode"] + c.Counts["UpdateFunctionConfiguration"] + c.Counts["Invoke"]; n != 0 {
		t.Errorf("%d updates and invocations for a plan", n)
	}
	c.bench(0, args...)
	c.untouched()
	run := c.run()
	deployments(t, run, 3, 7)
	if want := 2 * (3 + 7*2); len(run.Samples) != want || run.Header.Plan.Redeploy != 3 || run.Header.Plan.Strategy != "code-update" {
		t.Errorf("%d samples, want %d; plan %+v", len(run.Samples), want, run.Header.Plan)
	}
	// As the plan said: the variables first, the deployments, and both are restored.
	if code, config := c.Counts["UpdateFunctionCode"], c.Counts["UpdateFunctionConfiguration"]; code+config != 26 || code != 2*4 {
		t.Errorf("%d updates of code, %d of configurations", code, config)
	}
	text := readAll(run.Path)
	for _, secret := range []string{"arn:aws", "secret", `"bench-`, "dkr.ecr"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the run file", secret)
		}
	}
	table := readAll(filepath.Join(c.dir, "results", "aws-rehearsal.md"))
	if !strings.Contains(table, "### After a deployment") || !strings.Contains(table, "1st over all later ones") || !strings.Contains(table, "--redeploy 3") {
		t.Errorf("table:\n%s", table)
	}
	// Of the four that were pushed one was never deployed.
	e = c.bench(1, "--redeploy", "2", "--runs", "2", "scratch")
	if !strings.Contains(e.stderr, "1 image that it never had, 2 are needed") || !strings.Contains(e.stderr, "bench images push --fresh 2 scratch") {
		t.Errorf("stderr:\n%s", e.stderr)
	}
	c.bench(0, "--redeploy", "1", "--runs", "2", "--cold", "scratch")
	c.untouched()
	if run = c.run(); len(run.Deployed) != 1 || run.Deployed[0].Image != awssimtest.Digest(4) {
		t.Errorf("deployed %+v", run.Deployed)
	}
	// A run that deploys images has not started the function's own.
	c.bench(0, "--runs", "1", "--cold", "scratch")
	if run = c.run(); len(run.Samples) != 2 || run.Samples[0].Class != coldstart.ClassFirstAfterDeploy || run.Samples[0].Deployment != nil {
		t.Errorf("%d samples, the first %+v", len(run.Samples), run.Samples[0])
	}
}

// A function whose image bench did not push is left alone, and so is all else
// that can't be redeployed.
func TestAWSRedeployRefuses(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch", "p-al2", "fn")
	check := func(code int, text, hint string, args ...string) {
		t.Helper()
		e := c.bench(code, append([]string{"--redeploy", "2", "--runs", "2", "--cold"}, args...)...)
		if !strings.Contains(e.stderr, text) || !strings.Contains(e.stderr, hint) {
			t.Errorf("%q: %q or %q is not in\n%s", args, text, hint, e.stderr)
		}
	}
	push := "hint: bench images push --fresh 2 scratch, then make deploy"
	check(1, "function p-scratch has an image that bench did not push", push, "scratch") // no file
	c.pushed(1, 3, "scratch", "al2")
	c.ChangeImage("p-scratch", awssimtest.Digest(50))
	check(1, "has an image that bench did not push: its code is not replaced (deployment/images.auto.tfvars.json)", push, "scratch")
	c.ChangeImage("p-scratch", awssimtest.Digest(2))
	check(1, "has one of the images of --redeploy, not its own", push, "scratch")
	c.ChangeImage("p-scratch", awssimtest.Image)
	c.Shows(map[string]any{"Architectures": []string{"arm64"}})
	check(1, "has an image that bench did not push", "hint: bench images push --fresh 2, then", "--arch", "arm64", "mine=p-scratch")
	c.Edit = nil
	check(2, "named twice", "", "one=fn", "two=fn")
	if err := os.WriteFile(filepath.Join(c.dir, "deployment", "images.auto.tfvars.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(1, "reading ", "remove it and push", "scratch")
	if n := c.Counts["UpdateFunctionCode"] + c.Counts["UpdateFunctionConfiguration"] + c.Counts["Invoke"]; n != 0 {
		t.Errorf("%d updates and invocations", n)
	}
	// Through the compose file alone it is a row that says why; any other function
	// of the same image will do.
	c.pushed(1, 3, "scratch")
	c.ChangeImage("p-al2", awssimtest.Digest(50))
	c.bench(0, "--redeploy", "2", "--runs", "2", "--cold")
	if run := c.run(); len(run.Header.Configs) != 1 || len(run.Header.Unavailable) != 2 || !strings.Contains(fmt.Sprint(run.Header.Unavailable), "did not push") {
		t.Errorf("%+v", run.Header)
	}
	c.bench(0, "--redeploy", "2", "--runs", "2", "--cold", "mine=fn")
	c.ChangeImage("p-al2", awssimtest.Image)
	c.untouched()
}

// A bench that is interrupted or killed in mid-deployment leaves its samples, and
// no image: Ctrl-C and --restore put the function's own back, --resume goes on.
func TestAWSRedeployGoesOn(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch")
	c.pushed(1, 6, "scratch")
	cmd, _, stderr := c.command("aws", "--redeploy", "3", "--runs", "9", "--cold", "scratch")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.until(func() bool { return c.Invocations >= 3 })
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	c.untouched()
	path := c.run().Path
	cmd, _, _ = c.command("aws", "--resume", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := c.Invocations
	c.until(func() bool { return c.Invocations >= before+3 && c.Function("p-scratch").Image != awssimtest.Image })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	kept := len(c.run().Samples)
	c.bench(0, "--restore")
	c.untouched()
	c.bench(0, "--resume", path)
	c.untouched()
	run := c.run()
	if run.Path != path || len(run.Resumes) != 2 || kept < 3 {
		t.Errorf("%s, %d times resumed, %d samples before", run.Path, len(run.Resumes), kept)
	}
	deployments(t, run, 3, 9)
	again := 0
	for _, s := range run.Samples {
		if s.Deployment.Again {
			again++
		}
	}
	if again == 0 || again == 9 {
		t.Errorf("%d cold starts whose image was deployed once more", again)
	}
}

// A rehearsal deploys fresh images of its own, with and without faults, and one
// that is killed goes on in another rehearsal with the images that it had.
func TestRehearsalRedeploys(t *testing.T) {
	t.Parallel()
	w := newStage(t)
	args := []string{"aws", "--rehearse", "--redeploy", "2", "--runs", "4", "--cold", "--retries", "20"}
	// The zip's code is no image: its row says so.
	w.bench(append(args, "--rehearse-faults", "reset=0.1", "--seed", "8")...).expect(t, 0, "sound-zip is left out", "is a zip")
	entries, _, err := runfile.Folder(filepath.Join(w.dir, "results", "runs"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d runs, %v", len(entries), err)
	}
	run, err := runfile.Open(entries[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	deployments(t, run, 2, 4)
	if roots, _ := os.ReadDir(filepath.Join(w.dir, ".build", "images", "roots")); len(roots) != 1 {
		t.Errorf("%d unpacked images are left, want the function's own", len(roots))
	}
	if err := os.Remove(entries[0].Path); err != nil {
		t.Fatal(err)
	}
	begun := w.command(append(args, "sound")...)
	if err := begun.Start(); err != nil {
		t.Fatal(err)
	}
	for text, end := "", time.Now().Add(time.Minute); strings.Count(text, `"config-update"`) < 3; time.Sleep(5 * time.Millisecond) {
		if files := w.runFiles(); len(files) == 1 {
			text = files[0]
		}
		if time.Now().After(end) {
			t.Fatal("nothing happens")
		}
	}
	_ = begun.Process.Kill()
	_ = begun.Wait()
	entries, _, err = runfile.Folder(filepath.Join(w.dir, "results", "runs"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d runs, %v", len(entries), err)
	}
	if run, err = runfile.Open(entries[0].Path); err != nil {
		t.Fatal(err)
	}
	if run.End == nil {
		w.benchWith("aws", "--resume", entries[0].Path).expect(t, 0)
	}
	if run, err = runfile.Open(entries[0].Path); err != nil {
		t.Fatal(err)
	}
	deployments(t, run, 2, 4)
}

// bench rehearse lists fresh images for a bench beside it.
func TestRehearseServesFreshImages(t *testing.T) {
	t.Parallel()
	w := newStage(t)
	s := w.serve("--fresh", "2", "--tfvars", "pushed.json", "sound")
	before := s.configuration("p-sound")
	w.benchWith("aws", "--redeploy", "2", "--runs", "2", "--cold", "--tfvars", "pushed.json", "sound").expect(t, 0)
	if after := s.configuration("p-sound"); after != before {
		t.Errorf("it has changed:\n%s\n%s", before, after)
	}
	w.benchWith("aws", "--redeploy", "1", "--runs", "2", "--cold", "--tfvars", "pushed.json", "sound").expect(t, 1, "0 images that it never had")
}
