package results

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/committed"
	"coldbench/bench/internal/price"
	"coldbench/bench/internal/render"
)

var updateReadme = flag.Bool("update-readme", false, "rewrite the table of README.md, and the tables and pictures of results/, from the runs of results/")

const (
	tableBegins = "<!-- bench report: the newest run in results/ -->\n"
	tableEnds   = "<!-- end -->\n"
)

// reporting is a results folder whose reports hold the prices.
func reporting(dir string) Folder {
	quiet := func(string, ...any) {}
	return Folder{Dir: dir, Note: quiet, Warn: quiet, Analyse: func(inputs []analysis.Input) *analysis.Report {
		r := analysis.New(inputs)
		r.Price(price.Default(), "")
		return r
	}}
}

// repository returns the folder whose README and results are compared: the last
// commit's, or with -update-readme the working tree, which is rewritten.
func repository(t *testing.T) string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	if *updateReadme {
		return root
	}
	return committed.Files(t, root, "README.md", "results")
}

// TestReadmeShowsTheCommittedRun: the README's table is what bench report makes
// of the newest run of results/, to the letter.
func TestReadmeShowsTheCommittedRun(t *testing.T) {
	root := repository(t)
	readme := filepath.Join(root, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	shown, after, closed := strings.Cut(rest, tableEnds)
	if !ok || !closed {
		t.Fatal("README.md has no place for the table")
	}
	folder := reporting(filepath.Join(root, "results"))
	inputs, err := folder.Newest("local")
	if err != nil {
		t.Fatal(err)
	}
	if len(inputs) == 0 {
		t.Fatal("results/ holds no finished local run")
	}
	want := headline(t, folder, inputs[0])
	if *updateReadme {
		if _, _, err := folder.Publish(inputs[0].Run.Path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(readme, []byte(before+tableBegins+want+tableEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("README.md shows\n%s\nbench report makes\n%s\ngo test ./bench/internal/results -run 'Readme|Committed' -update-readme rewrites it; commit the result", shown, want)
	}
}

// TestCommittedTables: the pages and pictures in results are what bench makes of
// the committed runs.
func TestCommittedTables(t *testing.T) {
	results := filepath.Join(repository(t), "results")
	folder := reporting(results)
	inputs, err := folder.Newest("local")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := folder.Entries()
	if err != nil {
		t.Fatal(err)
	}
	made := results
	if !*updateReadme {
		made = t.TempDir()
		folder.Dir = made
	}
	report, _, err := folder.WritePages("local", inputs)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.summarize(report, entries, "aws"); err != nil {
		t.Fatal(err)
	}
	files := map[string]int{SummaryName: 1}
	for _, dir := range []string{made, results} {
		paths, err := filepath.Glob(filepath.Join(dir, "local*.*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			files[filepath.Base(path)]++
		}
	}
	if files["local.md"] == 0 || files["local.html"] == 0 || files["local-docker-ecdf.svg"] == 0 {
		t.Fatalf("no pages: %v", files)
	}
	for name := range files {
		got, err := os.ReadFile(filepath.Join(made, name))
		want, other := os.ReadFile(filepath.Join(results, name))
		if err != nil || other != nil || !bytes.Equal(got, want) {
			t.Errorf("results/%s is not what bench makes of results/runs: go test ./bench/internal/results -run 'Readme|Committed' -update-readme rewrites it; commit the result", name)
		}
	}
}

// headline returns the caption of a run's section, and its tables before the
// prices and the notes.
func headline(t *testing.T, f Folder, in Input) string {
	t.Helper()
	var made bytes.Buffer
	if err := render.Markdown(&made, f.Analyse([]analysis.Input{in.Input})); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, line := range strings.Split(made.String(), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "| USD"):
			return strings.TrimSpace(strings.Join(kept, "\n")) + "\n"
		}
		kept = append(kept, line)
	}
	t.Fatal("the report has no notes")
	return ""
}
