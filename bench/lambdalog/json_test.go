package lambdalog

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What is read as JSON is JSON, as encoding/json sees it, and the other way
// around; strings are unquoted and quoted alike.
func FuzzJSON(f *testing.F) {
	seeds, err := os.ReadFile("testdata/other.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(seeds), "\n") {
		f.Add(line)
	}
	for _, s := range []string{
		`{}`, `[]`, `[1,-0.5e+3,true,false,null]`, `{"a":{"b":[{"c":"\u00e9\n\ud83d\ude00"}]}}`, `"\ud800"`, `01`, `-`, `1.`, `[1,]`, `{"a"}`,
		"\"\x01\"", "\"\xff\"", `"\x"`, `"\u12g4"`, `{"a":1,}`, `nul`, `"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at := blank(s, 0)
		end, err := skipValue(s, at, 0)
		mine := err == nil && blank(s, end) == len(s)
		if strings.Count(s, "[")+strings.Count(s, "{") < maxDepth && mine != json.Valid([]byte(s)) {
			t.Fatalf("%q: read up to %d, %v", s, end, err)
		}
		if !mine {
			return
		}
		if s[at] == '"' {
			var want string
			if json.Unmarshal([]byte(s), &want) != nil {
				t.Fatal("a string that is none")
			}
			got := unquote(s[at:end])
			if got != want {
				t.Fatalf("%s is %q, want %q", s, got, want)
			}
			if again := unquote(string(quote(nil, got))); again != got {
				t.Fatalf("%q came back as %q", got, again)
			}
		}
		var a, b any
		if json.Unmarshal([]byte(s), &a) == nil {
			short := compact(s[at:end])
			if json.Unmarshal([]byte(short), &b) != nil || compact(short) != short {
				t.Fatalf("%s shortened to %s", s, short)
			}
		}
	})
}

func TestDeepJSON(t *testing.T) {
	for _, deep := range []string{strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<18)} {
		if _, err := skipValue(deep, 0, 0); err == nil {
			t.Error("a million brackets were read")
		}
	}
}
