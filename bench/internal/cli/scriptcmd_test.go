package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"coldbench/bench/internal/runfile"
)

// lines N FILE TEXT checks how many lines of a file contain a text.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: lines N FILE TEXT")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if strings.Contains(line, args[2]) {
			got++
		}
	}
	if got != want {
		ts.Fatalf("%d lines of %s contain %q, want %d\n%s", got, args[1], args[2], want, ts.ReadFile(args[1]))
	}
}

// samples RUN COLD WARM checks that each configuration of a run has so many
// proved samples of rounds 1 and later, and that none is there twice. WARM may
// be a range, LEAST-MOST.
func samples(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: samples RUN COLD WARM")
	}
	run, err := runfile.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	type key struct {
		config     string
		round, inv int
	}
	seen := map[key]bool{}
	got := map[string][2]int{}
	for _, s := range run.Samples {
		k := key{s.Config.String(), s.Round, s.Invocation}
		if seen[k] {
			ts.Fatalf("%v is there twice", k)
		}
		seen[k] = true
		if s.Round == 0 {
			continue
		}
		n := got[k.config]
		if s.Invocation == 1 {
			n[0]++
		} else {
			n[1]++
		}
		got[k.config] = n
	}
	cold, err := strconv.Atoi(args[1])
	ts.Check(err)
	low, high, ranged := strings.Cut(args[2], "-")
	least, err := strconv.Atoi(low)
	ts.Check(err)
	most := least
	if ranged {
		most, err = strconv.Atoi(high)
		ts.Check(err)
	}
	for _, c := range run.Header.Configs {
		n := got[c.Config.String()]
		if n[0] != cold || n[1] < least || n[1] > most {
			ts.Fatalf("%s: %d cold and %d warm samples, want %s and %s", c.Config, n[0], n[1], args[1], args[2])
		}
	}
}

// empty DIR checks that a folder does not exist or holds no file; ! that it
// holds one.
func empty(ts *testscript.TestScript, neg bool, args []string) {
	for _, arg := range args {
		found := ""
		filepath.WalkDir(ts.MkAbs(arg), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				found = path
			}
			return nil
		})
		switch {
		case !neg && found != "":
			ts.Fatalf("%s is there", found)
		case neg && found == "":
			ts.Fatalf("%s holds no file", arg)
		}
	}
}

// newrun GLOB NAME copies the newest file that a pattern matches.
func newRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: newrun GLOB NAME")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("nothing matches %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile(found[len(found)-1])), 0o644))
}

// edit FILE OLD NEW replaces the first occurrence of a text, which must be
// there.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}

// truncate FILE N cuts the last N bytes off a file.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:len(text)-n]), 0o644))
}

// tidy FILE checks what is said on stderr: each line begins with "bench: ", is
// lower case behind its prefix, and has no full stop.
func tidy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tidy FILE")
	}
	text := ts.ReadFile(args[0])
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		rest, ok := strings.CutPrefix(line, "bench: ")
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "warning: "), "hint: ")
		switch {
		case !ok:
			ts.Fatalf("%q lacks the prefix", line)
		case strings.HasSuffix(rest, "."):
			ts.Fatalf("%q ends with a full stop", line)
		case len(rest) > 1 && rest[0] >= 'A' && rest[0] <= 'Z' && rest[1] >= 'a' && rest[1] <= 'z':
			ts.Fatalf("%q begins with a capital", line)
		}
	}
}

// json FILE checks that a file is one JSON document.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	if valid := json.Valid([]byte(ts.ReadFile(args[0]))); valid == neg {
		ts.Fatalf("%s: valid JSON is %v", args[0], valid)
	}
}

// refused FILE PATTERN checks that no command reads a run file: each exits with 1,
// prints nothing but why, and leaves no file.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: refused FILE PATTERN")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	for _, command := range [][]string{
		{"compare", "base.jsonl", args[0]},
		{"compare", args[0], "new.jsonl", "--fail-over", "5%"},
		{"compare", args[0]},
		{"report", "base.jsonl", args[0], "-o", "refused.md", "--format", "markdown"},
		{"local", "--runs", "1", "--against", args[0]},
	} {
		before := treeOf(ts)
		if got := exitCode(ts, ts.Exec("bench", command...)); got != 1 {
			ts.Fatalf("bench %q: exit code %d, want 1", command, got)
		}
		if out := ts.ReadFile("stdout"); out != "" {
			ts.Fatalf("bench %q printed %q", command, out)
		}
		if text := ts.ReadFile("stderr"); !want.MatchString(text) {
			ts.Fatalf("bench %q: no match for %q in %q", command, want, text)
		}
		if after := treeOf(ts); after != before {
			ts.Fatalf("bench %q left files: %s", command, after)
		}
	}
}

// treeOf lists the files of a script's folder.
func treeOf(ts *testscript.TestScript) string {
	var names []string
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return strings.Join(names, "\n")
}

// verdicts FILE FILE checks that two pages compare alike, in the same words and
// numbers, and that they compare at all.
func verdicts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: verdicts FILE FILE")
	}
	var said [2][]string
	for i, arg := range args {
		for line := range strings.Lines(ts.ReadFile(arg)) {
			if strings.HasPrefix(line, "| cold  |") && strings.Contains(line, " ms (") || strings.HasPrefix(line, "| warm  |") && strings.Contains(line, " ms (") {
				said[i] = append(said[i], line)
			}
		}
	}
	if len(said[0]) == 0 || !slices.Equal(said[0], said[1]) {
		ts.Fatalf("%s says %q, %s says %q", args[0], said[0], args[1], said[1])
	}
}
