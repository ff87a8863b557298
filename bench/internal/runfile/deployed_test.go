package runfile

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// What a run deployed is read as it was written, is new to no run of the same
// place, and leaves the function's own image as new as it was.
func TestDeployed(t *testing.T) {
	dir := t.TempDir()
	config := coldstart.Config{Variant: "a", MemoryMB: 512, Arch: "amd64"}
	h := Header{
		Backend: "aws", Engine: "eu-west-1", Host: Host{Fingerprint: "f"}, Plan: plan.Plan{Runs: 2, Redeploy: 1, Strategy: "code-update"},
		Configs: []Config{{Config: coldstart.Config{Variant: "a", MemoryMB: 512, Arch: "amd64"}, Image: Image{ImageID: "sha256:own"}, Function: &FunctionRef{Name: "fn"}}},
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 89000, time.UTC)
	w, err := CreateIn(dir, at, h)
	if err != nil {
		t.Fatal(err)
	}
	note := coldstart.Deployed{Config: config, Round: 1, Number: 1, Image: "sha256:new", At: at}
	if err := w.Deployed(note); err != nil {
		t.Fatal(err)
	}
	deployments := []*coldstart.Deployment{{Number: 1}, {Number: 1, Position: 1}, {Number: 1, Position: 2, Again: true}, nil}
	for i, d := range deployments {
		if err := w.Sample(coldstart.Sample{Config: config, Round: i + 1, Seq: i + 1, At: at, Start: coldstart.Cold, Deployment: d}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run, err := Open(w.Path())
	if err != nil || len(run.Deployed) != 1 || run.Deployed[0].Note() != note {
		t.Fatalf("%+v, %v", run.Deployed, err)
	}
	for i, d := range deployments {
		if got := run.Samples[i].Deployment; !reflect.DeepEqual(got, d) {
			t.Errorf("sample %d: %+v, want %+v", i, got, d)
		}
	}
	if len(run.Warnings) != 1 { // no end record
		t.Errorf("warnings %q", run.Warnings)
	}
	entries, _, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	like := Header{Backend: "aws", Engine: "eu-west-1", Host: Host{Fingerprint: "f"}}
	if seen := ImagesSeen(entries, like); len(seen) != 0 {
		t.Errorf("seen: %v", seen)
	}
	seen, err := DeployedTo(entries, like)
	if err != nil || !reflect.DeepEqual(seen, map[string]map[string]bool{"fn": {"sha256:new": true}}) {
		t.Errorf("deployed: %v, %v", seen, err)
	}
	for _, change := range []func(*Header){
		func(h *Header) { h.Backend = "local" }, func(h *Header) { h.Engine = "us-east-1" },
		func(h *Header) { h.Host.Fingerprint = "g" }, func(h *Header) { h.ID = entries[0].Header.ID },
	} {
		other := like
		change(&other)
		if seen, err := DeployedTo(entries, other); err != nil || len(seen) != 0 {
			t.Errorf("%v: %v, %v", other, seen, err)
		}
	}
	if images, n := run.DeployedOf("a", "amd64"); n != 1 || !reflect.DeepEqual(images, []string{"sha256:new"}) {
		t.Errorf("of the variant: %q, %d deployments", images, n)
	}
	if images, n := run.DeployedOf("a", "arm64"); n != 0 || images != nil {
		t.Errorf("of another architecture: %q, %d deployments", images, n)
	}
	entries[0].Path = filepath.Join(dir, "gone")
	if _, err := DeployedTo(entries, like); err == nil {
		t.Error("a run that can't be read deployed nothing")
	}
}

func TestDeploymentsThatCannotBe(t *testing.T) {
	header := `{"type":"run","schema":1,"id":"r","configs":[{"variant":"a","memorySizeMB":512,"arch":"amd64"}]}` + "\n"
	sample := `{"type":"sample","variant":"a","memorySizeMB":512,"arch":"amd64","at":"2026-03-04T05:06:07Z","start":"cold","deployment":{"number":NUMBER,"position":POSITION}}` + "\n"
	for _, c := range []struct {
		number, position string
		ok               bool
	}{{"1", "0", true}, {"0", "0", false}, {"1", "-1", false}, {"-1", "1", false}} {
		text := header + strings.NewReplacer("NUMBER", c.number, "POSITION", c.position).Replace(sample)
		if _, err := Read(strings.NewReader(text)); (err == nil) != c.ok {
			t.Errorf("deployment %s, position %s: %v", c.number, c.position, err)
		}
	}
	for _, bad := range []string{`"variant":"b","memorySizeMB":512,"arch":"amd64","at":"2026-03-04T05:06:07Z"`, `"variant":"a","memorySizeMB":512,"arch":"amd64","at":"noon"`} {
		if _, err := Read(strings.NewReader(header + `{"type":"deploy",` + bad + "}\n")); err == nil {
			t.Errorf("a record of %s was read", bad)
		}
	}
}
