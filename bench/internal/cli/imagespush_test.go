package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/cli"
)

// account is a project folder and a registry on loopback in the place of ECR.
type account struct {
	t      *testing.T
	dir    string
	host   string
	logins []awslambda.Options
}

func newAccount(t *testing.T) *account {
	t.Helper()
	t.Parallel()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "AWS" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a := &account{t: t, dir: t.TempDir(), host: strings.TrimPrefix(server.URL, "http://")}
	a.file("docker-compose.yml", `services:
  plain:
    build: {context: ., dockerfile: Dockerfile}
    entrypoint: [/usr/local/bin/aws-lambda-rie, /bootstrap, "${ARCH}"]
    environment: {KEY: value}
  bare:
    build: {context: ., dockerfile: Dockerfile}
    entrypoint: [/usr/local/bin/aws-lambda-rie]
  broken:
    build: {context: ., dockerfile: Dockerfile-broken}
  tool:
    image: nothing
    x-bench: {ignore: true}
`)
	a.file(".env", "COMPOSE_PROJECT_NAME=mine\n")
	a.file("Dockerfile", "FROM scratch\nCOPY bootstrap /\nENTRYPOINT [\"/bootstrap\"]\n")
	a.file("Dockerfile-broken", "FROM scratch\nCOPY nothing /\n")
	a.file("bootstrap", "#!")
	a.file("deployment/main.tf", "")
	return a
}

func (a *account) path(name string) string { return filepath.Join(a.dir, filepath.FromSlash(name)) }

func (a *account) file(name, text string) {
	a.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(a.path(name)), 0o755), os.WriteFile(a.path(name), []byte(text), 0o644)); err != nil {
		a.t.Fatal(err)
	}
}

// run runs bench and returns its exit code and what it wrote.
func (a *account) run(args ...string) (code int, stdout, stderr string) {
	a.t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(context.Background(), cli.Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Dir: a.dir, Now: time.Now,
		Environ: []string{"DOCKER_HOST=unix:///nowhere.sock"},
		RegistryLogin: func(_ context.Context, o awslambda.Options) (awslambda.Login, error) {
			a.logins = append(a.logins, o)
			return awslambda.Login{Registry: a.host, User: "AWS", Password: "s3cret"}, nil
		},
	})
	if strings.Contains(out.String()+errs.String(), "s3cret") {
		a.t.Errorf("the password is shown:\n%s%s", &out, &errs)
	}
	return code, out.String(), errs.String()
}

// vars reads what Terraform will read.
func (a *account) vars() map[string]map[string]map[string]any {
	a.t.Helper()
	var d struct {
		Images map[string]map[string]map[string]any
	}
	text, err := os.ReadFile(a.path("deployment/images.auto.tfvars.json"))
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return d.Images
}

func TestImagesPush(t *testing.T) {
	a := newAccount(t)
	code, stdout, stderr := a.run("images", "push", "--arch", "amd64,arm64", "--region", "eu-west-1", "--profile", "me")
	if code != 0 || !strings.Contains(stderr, "broken for amd64: ") {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	if len(a.logins) != 1 || a.logins[0].Region != "eu-west-1" || a.logins[0].Profile != "me" {
		t.Errorf("logins %+v", a.logins)
	}
	uri := regexp.MustCompile(`^` + regexp.QuoteMeta(a.host) + `/mine@sha256:[0-9a-f]{64}$`)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != 4 {
		t.Errorf("stdout:\n%s", stdout)
	}
	for _, line := range lines {
		if f := strings.Split(line, "\t"); len(f) != 3 || !uri.MatchString(f[2]) {
			t.Errorf("line %q", line)
		}
	}
	images := a.vars()
	if len(images) != 2 || len(images["plain"]) != 2 || len(images["bare"]) != 2 {
		t.Fatalf("%v", images)
	}
	got := images["plain"]["arm64"]
	if s, _ := got["uri"].(string); !uri.MatchString(s) {
		t.Errorf("uri %v", got["uri"])
	}
	if e, _ := json.Marshal([]any{got["entry_point"], got["environment"], got["fresh"], got["command"]}); string(e) != `[["/bootstrap","arm64"],{"KEY":"value"},null,null]` {
		t.Errorf("%s", e)
	}
	if _, there := images["bare"]["amd64"]["entry_point"]; there {
		t.Error("the emulator alone was taken for an entrypoint")
	}
	if images["plain"]["amd64"]["uri"] == images["plain"]["arm64"]["uri"] {
		t.Error("two architectures share an image")
	}
	if info, err := os.Stat(a.path("deployment/images.auto.tfvars.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: it may hold values of variables", info, err)
	}

	// The same again is the same file; one variant alone leaves the others.
	before, _ := os.ReadFile(a.path("deployment/images.auto.tfvars.json"))
	if code, _, stderr := a.run("images", "push", "--arch", "amd64,arm64"); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	if after, _ := os.ReadFile(a.path("deployment/images.auto.tfvars.json")); !bytes.Equal(before, after) {
		t.Errorf("pushed again:\n%s\n%s", before, after)
	}
	a.file("bootstrap", "#!changed")
	if code, _, stderr := a.run("images", "push", "--fresh", "2", "plain"); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	now := a.vars()
	if now["plain"]["amd64"]["uri"] == images["plain"]["amd64"]["uri"] || now["plain"]["arm64"]["uri"] != images["plain"]["arm64"]["uri"] || now["bare"]["amd64"]["uri"] != images["bare"]["amd64"]["uri"] {
		t.Errorf("%v\n%v", images, now)
	}
	if fresh, _ := now["plain"]["amd64"]["fresh"].([]any); len(fresh) != 2 || fresh[0] == fresh[1] {
		t.Errorf("fresh %v", fresh)
	}

	// Fresh images stay for as long as their image does, the newest first.
	for _, n := range []string{"1", "0"} {
		if code, _, stderr := a.run("images", "push", "--fresh", n); code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
	}
	more, _ := a.vars()["plain"]["amd64"]["fresh"].([]any)
	if old, _ := now["plain"]["amd64"]["fresh"].([]any); len(more) != 3 || more[1] != old[0] || more[2] != old[1] || more[0] == old[0] {
		t.Errorf("fresh %v, before %v", more, old)
	}
	a.file("bootstrap", "#!changed again")
	if code, _, stderr := a.run("images", "push", "plain"); code != 0 || a.vars()["plain"]["amd64"]["fresh"] != nil {
		t.Fatalf("exit %d, %v\n%s", code, a.vars()["plain"], stderr)
	}
	now = a.vars()

	// What can't be built any more stays deployed; what is no service does not.
	a.file("Dockerfile", "FROM scratch\nCOPY gone /\n")
	a.file("docker-compose.yml", "services: {plain: {build: {context: ., dockerfile: Dockerfile}}, new: {build: {context: ., dockerfile: Dockerfile-new}}}\n")
	a.file("Dockerfile-new", "FROM scratch\nCOPY bootstrap /\n")
	code, _, stderr = a.run("images", "push")
	last := a.vars()
	if code != 0 || !strings.Contains(stderr, "plain for amd64 stays deployed") || len(last) != 2 || last["plain"]["amd64"]["uri"] != now["plain"]["amd64"]["uri"] || last["new"] == nil {
		t.Errorf("exit %d, %v\n%s", code, last, stderr)
	}
}

func TestImagesPushRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(a *account)
		args []string
		code int
		want string
	}{
		{"fresh", nil, []string{"--fresh", "-1"}, 2, "--fresh -1"},
		{"architecture", nil, []string{"--arch", "riscv64"}, 2, "riscv64"},
		{"no architecture", nil, []string{"--arch", ""}, 2, "--arch: empty"},
		{"an image", nil, []string{"a=b"}, 2, "a service of the compose file"},
		{"no such variant", nil, []string{"none"}, 2, `no variant "none"`},
		{"a broken one by name", nil, []string{"plain", "broken"}, 1, "not every image"},
		{"only a broken one", nil, []string{"broken"}, 1, "no image could be pushed"},
		{"no folder", func(a *account) { os.RemoveAll(a.path("deployment")) }, nil, 1, "--tfvars FILE"},
		{"a file that is not ours", func(a *account) { a.file("deployment/images.auto.tfvars.json", "{") }, nil, 1, "remove it and push all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAccount(t)
			if test.edit != nil {
				test.edit(a)
			}
			code, _, stderr := a.run(append([]string{"images", "push"}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.want) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, test.code, test.want, stderr)
			}
			if test.code == 2 && len(a.logins) > 0 {
				t.Error("logged in before the flags were checked")
			}
		})
	}
}
