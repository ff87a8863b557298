package lambdalog

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What is read as JSON is JSON, as encoding/json sees it, and the other way
// around; strings are quoted and unquoted alike.
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
		"\"\x01\"", "\"\xff\"", `"\x"`, `"\u12g4"`, `{"a":1,}`, `{"a":1 "b":2}`, `[1 2]`, `{1:2}`, `nul`, `"`, `[1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := decode(s, 0)
		mine := err == nil && blank(s, v.end) == len(s)
		if strings.Count(s, "[")+strings.Count(s, "{") < maxDepth && mine != json.Valid([]byte(s)) {
			t.Fatalf("%q: read up to %d, %v", s, v.end, err)
		}
		if !mine {
			return
		}
		stands(t, s, v)
		if v.kind == '"' {
			if again, err := decode(quote(v.text), 0); err != nil || again.text != v.text {
				t.Fatalf("%q came back as %q, %v", v.text, again.text, err)
			}
		}
		if short := compact(s[v.at:v.end]); compact(short) != short {
			t.Fatalf("%s shortened to %s", s, short)
		}
	})
}

// stands checks that each value is where it says.
func stands(t *testing.T, s string, v value) {
	t.Helper()
	var text string
	switch raw := []byte(s[v.at:v.end]); {
	case !json.Valid(raw):
		t.Fatalf("%q: a value from %d to %d", s, v.at, v.end)
	case v.kind == '"' && (json.Unmarshal(raw, &text) != nil || text != v.text):
		t.Fatalf("%s is %q, want %q", raw, v.text, text)
	}
	for _, m := range v.members {
		stands(t, s, m.value)
	}
}

func TestDeepJSON(t *testing.T) {
	for _, deep := range []string{strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<18)} {
		if _, err := decode(deep, 0); err == nil {
			t.Error("a million brackets were read")
		}
	}
}
