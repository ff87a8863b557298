package localenv

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestStream: whatever the pieces that a text is written in, its end is kept
// and its lines are passed on.
func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.StringMatching(`[ab\n]{0,200}|x{900,1000}`)).Draw(t, "pieces")
		var lines []string
		o := &Output{Log: func(line string) { lines = append(lines, line) }}
		s := o.Stream()
		for _, p := range pieces {
			if n, err := s.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		s.Flush()
		s.Flush()
		all := strings.Join(pieces, "")
		if got := o.String(); got != all[max(0, len(all)-outputKept):] {
			t.Fatalf("kept %q of %q", got, all)
		}
		want := strings.Split(all, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if len(want) > 0 && len(all) < longestLine && strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Fatalf("lines %q, want %q", lines, want)
		}
	})
}

// TestEndlessLine: a line without an end is passed on in parts, so that its
// beginning is not kept for ever.
func TestEndlessLine(t *testing.T) {
	total, parts := 0, 0
	o := &Output{Log: func(line string) { total += len(line); parts++ }}
	s := o.Stream()
	for range 50 {
		_, _ = s.Write([]byte(strings.Repeat("x", 10_000)))
		if cap(s.line) > 4*longestLine {
			t.Fatalf("%d bytes are kept", cap(s.line))
		}
	}
	s.Flush()
	if total != 500_000 || parts < 2 {
		t.Errorf("%d bytes in %d parts", total, parts)
	}
}
