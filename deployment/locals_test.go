package deployment_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const compose = `x-e: &emulator ./a:/b:ro
services:
  one:
    volumes: [*emulator]
    x-bench: {memory: 1024, zip: true, doc: The first.}
  two:
    build: .
  three:
    x-bench: {ignore: true}
`

const digest = "r/p@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// evaluate has Terraform itself evaluate an expression over locals.tf and
// variables.tf, which need no provider.
func evaluate(t *testing.T, images, expression string, args ...string) (any, string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"locals.tf", "variables.tf"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write("deployment/"+name, string(text))
	}
	write("docker-compose.yml", compose)
	write(".env", "# a comment\nA=b\nCOMPOSE_PROJECT_NAME=mine\n")
	write("deployment/images.auto.tfvars.json", images)
	cmd := exec.Command("terraform", append([]string{"console", "-no-color"}, args...)...)
	cmd.Dir = filepath.Join(dir, "deployment")
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=", "TF_DATA_DIR="+filepath.Join(dir, "data"))
	cmd.Stdin = strings.NewReader("jsonencode(" + expression + ")\n")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	text := strings.TrimSpace(string(out))
	// After an error in a variable the console still answers, if not at all well.
	if err != nil || strings.Contains(stderr.String(), "Error: ") {
		return nil, text + stderr.String()
	}
	var encoded string
	var value any
	if err := json.Unmarshal([]byte(text), &encoded); err != nil {
		t.Fatalf("%s: %v\n%s%s", expression, err, text, &stderr)
	}
	if err := json.Unmarshal([]byte(encoded), &value); err != nil {
		t.Fatal(err)
	}
	return value, text + stderr.String()
}

func TestLocals(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skipf("SKIP: %v", err)
	}
	t.Parallel()
	images := `{"images":{
		"one":{"amd64":{"uri":"` + digest + `","entry_point":["/x"],"environment":{"K":"v"},"fresh":["` + digest + `"]},"arm64":{"uri":"` + digest + `"}},
		"two":{"amd64":{"uri":"` + digest + `"}},
		"three":{"amd64":{"uri":"` + digest + `"}},
		"gone":{"amd64":{"uri":"` + digest + `"}}}}`
	for _, test := range []struct {
		images, expression string
		args               []string
		want               string
	}{
		{images, `local.project`, nil, `"mine"`},
		{images, `{for n, s in local.services : n => [s.memory, s.zip, s.doc]}`, nil, `{"one":[1024,true,"The first."],"two":[512,false,""]}`},
		{images, `{for n, f in local.image_functions : n => [f.arch, f.memory, f.image.entry_point]}`, nil,
			`{"mine-one":["amd64",1024,["/x"]],"mine-one-arm64":["arm64",1024,null],"mine-two":["amd64",512,null]}`},
		{images, `{for n, f in local.zip_functions : n => [f.arch, f.memory, f.environment]}`, nil,
			`{"mine-one-zip":["amd64",1024,{"K":"v"}],"mine-one-zip-arm64":["arm64",1024,{}]}`},
		{images, `{for n, f in local.image_functions : n => f.memory if f.arch == "amd64"}`, []string{"-var", "memory_sizes=[128,1769]", "-var", "memory_mb=256"},
			`{"mine-one":1024,"mine-one-128mb":128,"mine-one-1769mb":1769,"mine-two":256,"mine-two-128mb":128,"mine-two-1769mb":1769}`},
		// Before anything is pushed there is a repository and no function.
		{`{}`, `[local.image_functions, local.zip_functions]`, nil, `[{},{}]`},
	} {
		got, text := evaluate(t, test.images, test.expression, test.args...)
		var want any
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v\n%s", test.expression, got, want, text)
		}
	}
	_, text := evaluate(t, `{"images":{"one":{"amd64":{"uri":"r/p:latest"}}}}`, `1`)
	if !strings.Contains(text, "its digest") {
		t.Errorf("a tag was accepted:\n%s", text)
	}
}

func TestFormat(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skipf("SKIP: %v", err)
	}
	if out, err := exec.Command("terraform", "fmt", "-check", "-diff", "-recursive", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
