package render_test

import (
	"bytes"
	"strings"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/render"
)

// TestDisagreementIsAtTheHead: what two engines do not agree on stands before
// everything that is said of one of them.
func TestDisagreementIsAtTheHead(t *testing.T) {
	docker := newRun("docker", 30, 0, "scratch", "al2").measure(30).Run // al2 takes 1.6 times as long
	sandbox := newRun("sandbox", 30, 0, "scratch", "al2").measure(30).Run
	agreeing := analysis.New([]analysis.Input{{Run: docker}, {Run: sandbox}})
	for i := range sandbox.Samples {
		if s := &sandbox.Samples[i]; s.Config.Variant == "al2" {
			*s.Metrics.InitDurationMs /= 4
		}
	}
	docker.Header.Facts = &coldstart.EngineFacts{StorageDriver: "fuse-overlayfs"}
	disagreeing := analysis.New([]analysis.Input{{Run: docker}, {Run: sandbox}})
	if len(agreeing.Disagreements) != 0 || len(disagreeing.Disagreements) == 0 {
		t.Fatalf("disagreements %+v and %+v", agreeing.Disagreements, disagreeing.Disagreements)
	}
	const said = "The engines disagree on al2 against scratch, cold start: "
	for format, section := range map[string]string{"text": "Local, ", "markdown": "\n## Local, ", "html": "<main>", "json": `"sections"`} {
		f, ok := render.Lookup(format)
		if !ok {
			t.Fatalf("no format %s", format)
		}
		write := func(r *analysis.Report) string {
			var b bytes.Buffer
			if err := f.Write(&b, r); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		want := said
		if format == "json" {
			want = `"disagreements"`
		}
		head, _, found := strings.Cut(write(disagreeing), section)
		head = strings.Join(strings.Fields(head), " ")
		if !found || !strings.Contains(head, want) {
			t.Errorf("%s: no %q before the first section: %q", format, want, head)
		}
		if format != "json" && !strings.Contains(head, "docker's figures are also those of its storage driver fuse-overlayfs") && !strings.Contains(head, "docker&#39;s figures are also those of its storage driver fuse-overlayfs") {
			t.Errorf("%s: the storage driver is not blamed: %q", format, head)
		}
		if strings.Contains(write(agreeing), want) {
			t.Errorf("%s: a disagreement of engines that agree", format)
		}
	}
}
