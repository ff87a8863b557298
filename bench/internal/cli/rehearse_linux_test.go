package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/runfile"
)

// newStage is a project whose function can be rehearsed.
func newStage(t *testing.T) *world {
	t.Helper()
	requireEngine(t, "sandbox")
	w := newWorld(t, "services:\n  sound: {build: ., x-bench: {zip: true}}\n  lacking: {build: {context: ., dockerfile: Dockerfile-lacking}}\n")
	w.write(".env", "COMPOSE_PROJECT_NAME=p\n")
	w.write("Dockerfile-lacking", "FROM scratch\nCOPY nothing /\n")
	w.environ = []string{
		"HOME=" + w.dir, "XDG_STATE_HOME=" + filepath.Join(w.dir, "state"),
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-west-1", "AWS_PROFILE=", "AWS_ENDPOINT_URL=", "AWS_CA_BUNDLE=",
	}
	return w
}

// records counts the records of a run file by their type.
func records(t *testing.T, text string) map[string]int {
	t.Helper()
	n := map[string]int{}
	for line := range strings.Lines(text) {
		var r struct{ Type string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		n[r.Type]++
	}
	return n
}

var counted = regexp.MustCompile(`(\d+) invocations came, (\d+) were served, (\d+) refused`)

// A rehearsal measures functions that really run, with and without faults: the
// same samples, and the endpoint's count of invocations is bench's own.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{"", "throttle=0.1,error=0.05,reset=0.05,conflict=0.05,nolog=0.1,cut=0.1"} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			if faults != "" {
				slow(t)
			}
			w := newStage(t)
			talks := w.tempted()
			e := w.bench("aws", "--rehearse", "--rehearse-faults", faults, "--runs", "2", "--warm-runs", "2", "--pause", "0s", "--seed", "7", "--verbose", "--retries", "20")
			e.expect(t, 0, "rehearsal, not AWS", "lacking is left out: building lacking: Dockerfile-lacking:2: ")
			runs := w.runFiles()
			if len(runs) != 1 {
				t.Fatalf("%d run files", len(runs))
			}
			n := records(t, runs[0])
			if n["sample"] != 2*2*3+2 || n["failure"] != 0 { // an image and a zip; two first-after-deploy
				t.Errorf("records %v", n)
			}
			header, err := runfile.ReadHeader(strings.NewReader(runs[0]))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range header.Configs {
				zip := strings.HasSuffix(c.Variant, "-zip")
				if i := c.Image; i.ImageID == "" || zip != (i.Digest == "") || zip != (i.CompressedBytes > 0) || i.SizeBytes != 0 || i.Layers == 0 {
					t.Errorf("%s: of its image is stated %+v", c.Variant, i)
				}
			}
			m := counted.FindStringSubmatch(e.stderr)
			if m == nil {
				t.Fatalf("the endpoint does not say what it served:\n%s", e.stderr)
			}
			came, _ := strconv.Atoi(m[1])
			if came != n["sample"]+n["reject"] || (n["reject"] == 0) != (faults == "") {
				t.Errorf("%s, and the run has %v", m[0], n)
			}
			if others := talks(); len(others) > 0 {
				t.Errorf("somebody else was talked to: %q", others)
			}
			if !strings.Contains(runs[0], `"rehearsal, not AWS"`) || strings.Contains(runs[0], "AKIA") {
				t.Error("the run file does not say what it is, or too much")
			}
			if _, err := os.Stat(filepath.Join(w.dir, "results", "aws.md")); err == nil {
				t.Error("a rehearsal wrote aws.md")
			}
			if left, _ := filepath.Glob(filepath.Join(w.dir, "state", "coldbench", "aws", "*")); len(left) > 0 {
				t.Errorf("journals are left: %q", left)
			}
		})
	}
}

// tempted gives benches of the project credentials that look real, and a proxy, a
// profile and endpoints that all lead to one server. It returns what tells who was
// talked to.
func (w *world) tempted() func() []string {
	var mu sync.Mutex
	var others []string
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		others = append(others, r.Method+" "+r.Host)
		rw.WriteHeader(http.StatusBadGateway)
	}))
	w.t.Cleanup(s.Close)
	w.write("config", "[default]\nregion = ap-south-1\nendpoint_url = "+s.URL+"\ncredential_process = touch "+filepath.Join(w.dir, "ran")+"\n")
	w.environ = append(w.environ, "AWS_SESSION_TOKEN=realLookingToken", "AWS_PROFILE=default", "AWS_CONFIG_FILE="+filepath.Join(w.dir, "config"))
	for _, k := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"} {
		w.environ = append(w.environ, k+"="+s.URL)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		if _, err := os.Stat(filepath.Join(w.dir, "ran")); err == nil {
			others = append(others, "the profile's credential_process")
		}
		return others
	}
}

// Environments that were initialized before they were asked for are counted, and
// what the client saw of them is left out; those of before an update that serve
// once more are no samples.
func TestRehearsalOfEarlyAndLateEnvironments(t *testing.T) {
	slow(t)
	t.Parallel()
	w := newStage(t)
	e := w.bench("aws", "--rehearse", "--rehearse-faults", "ahead=1,stale=0.5", "--runs", "1", "--cold", "--pause", "0s", "--seed", "1", "sound")
	e.expect(t, 0, "2 cold starts were initialized by Lambda before they were asked for")
	text := w.runFiles()[0]
	n := records(t, text)
	if n["sample"] != 2 || n["reject"] == 0 || n["reject"] != strings.Count(text, `"reason":"wrong-token"`) || n["failure"] != 0 {
		t.Errorf("records %v", n)
	}
	if strings.Contains(text, "clientMs") || strings.Count(text, `"proactiveInit"`) != 2 || strings.Count(text, `"initDurationMs"`) != 2 {
		t.Errorf("run file\n%s", text)
	}
}

// An endpoint of bench's own keeps no environment longer than --idle waits.
func TestRehearsalOfIdleFunctions(t *testing.T) {
	slow(t)
	t.Parallel()
	w := newStage(t)
	w.bench("aws", "--rehearse", "--strategy", "idle", "--idle", "300ms", "--runs", "2", "--warm-runs", "1", "--control", "sound").expect(t, 0)
	if n := records(t, w.runFiles()[0]); n["sample"] != 2*2*2+1 || n["reject"] != 0 {
		t.Errorf("records %v", n)
	}
}

// What the platform adds is in Init Duration.
func TestRehearsalWithLatency(t *testing.T) {
	slow(t)
	t.Parallel()
	w := newStage(t)
	w.bench("aws", "--rehearse", "--rehearse-latency", "aws", "--runs", "2", "--cold", "sound").expect(t, 0)
	for line := range strings.Lines(w.runFiles()[0]) {
		var r struct {
			Type    string
			Metrics struct{ InitDurationMs float64 }
			Phases  struct{ ClientMs float64 }
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		// The least of the table, and no client that waited for less.
		if r.Type == "sample" && (r.Metrics.InitDurationMs < 20 || r.Phases.ClientMs < r.Metrics.InitDurationMs) {
			t.Errorf("%s", line)
		}
	}
}

func TestRehearseUsage(t *testing.T) {
	t.Parallel()
	w := newStage(t)
	for _, c := range []struct {
		code int
		args string
		text string
	}{
		{2, "rehearse --faults magic=1", "--faults"},
		{2, "rehearse --latency mars", "--latency"},
		{2, "rehearse --timeout 1500ms", "--timeout"},
		{2, "rehearse nothing", "the compose file has"},
		{2, "aws --rehearse --rehearse-faults throttle=2", "--rehearse-faults"},
		{2, "rehearse --listen 0.0.0.0:0 sound", "loopback only"},
		{1, "rehearse --listen 127.0.0.1:0 lacking", "lacking"},
	} {
		e := w.bench(strings.Fields(c.args)...)
		if e.code != c.code || !strings.Contains(e.stderr, c.text) || e.stdout != "" {
			t.Errorf("%s: exit code %d\n%s%s", c.args, e.code, e.stdout, e.stderr)
		}
	}
}

// served is a bench rehearse that other benches talk to.
type served struct {
	w      *world
	cmd    *exec.Cmd
	url    string
	stderr strings.Builder
	ended  chan struct{}
}

// serve begins a bench rehearse of services and points all further benches of the
// project at it.
func (w *world) serve(args ...string) *served {
	w.t.Helper()
	s := &served{w: w, cmd: w.command(append([]string{"rehearse", "--listen", "127.0.0.1:0"}, args...)...), ended: make(chan struct{})}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { _ = s.cmd.Wait(); close(s.ended) }()
	w.t.Cleanup(s.stop)
	_, rest, ok := strings.Cut(line, "AWS_ENDPOINT_URL=")
	if err != nil || !ok {
		s.stop()
		w.t.Fatalf("%q, %v\n%s", line, err, &s.stderr)
	}
	s.url = strings.Fields(rest)[0]
	w.environ = append(w.environ, "AWS_ENDPOINT_URL="+s.url)
	return s
}

func (s *served) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	<-s.ended
}

// get asks the endpoint, and again where it has had too many questions.
func (s *served) get(path string, into any) {
	s.w.t.Helper()
	for range 100 {
		r, err := http.Get(s.url + "/2015-03-31/functions/" + path)
		if err != nil {
			s.w.t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode == 429 { // the bench under test uses the quota up
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil || r.StatusCode != 200 {
			s.w.t.Fatalf("%d, %v: %s", r.StatusCode, err, text)
		}
		return
	}
	s.w.t.Fatal("the endpoint's quota is used up for long")
}

// configuration is what GetFunctionConfiguration says of a function, but for the
// members that each update changes, and how many versions it has.
func (s *served) configuration(function string) string {
	s.w.t.Helper()
	var c map[string]any
	s.get(function+"/configuration", &c)
	var list struct{ Versions []any }
	s.get(function+"/versions", &list)
	c["versions"] = len(list.Versions)
	delete(c, "RevisionId")
	delete(c, "LastModified")
	text, err := json.Marshal(c)
	if err != nil {
		s.w.t.Fatal(err)
	}
	return string(text)
}

// bench rehearse serves other programs: here another bench.
func TestRehearseServes(t *testing.T) {
	t.Parallel()
	w := newStage(t)
	s := w.serve("sound")
	before := s.configuration("p-sound")
	e := w.benchWith("aws", "--runs", "2", "--cold", "--memory", "256", "sound")
	e.expect(t, 0, "endpoint "+strings.TrimPrefix(s.url, "http://")+", not AWS")
	if after := s.configuration("p-sound"); after != before || !strings.Contains(before, `"MemorySize":512`) {
		t.Errorf("it has changed:\n%s\n%s", before, after)
	}
	s.stop()
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("bench rehearse: exit code %d\n%s", code, &s.stderr)
	}
	if left := w.left(s.cmd.Process.Pid); len(left) > 0 {
		t.Errorf("bench rehearse left behind: %q", left)
	}
}

// benchWith is bench beside another one whose sandboxes are none of its own.
func (w *world) benchWith(args ...string) ended {
	w.t.Helper()
	cmd := w.command(args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		w.t.Fatal(fmt.Errorf("running bench: %w", err))
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
