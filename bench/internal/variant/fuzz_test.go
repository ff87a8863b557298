package variant

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
)

// What Parse accepts is NAME=IMAGE again when it is put together, and each half
// is one that a table and an engine can take.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a=b", "mine=ghcr.io/me/f:1", "x=sha256:00", "=", "a=", "=b", "a=-b", "a b=c", "a==", "é=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s)
		if err != nil {
			if v.Name != "" || v.Image != "" {
				t.Fatalf("Parse(%q) gave %+v and %v", s, v, err)
			}
			return
		}
		if v.Name+"="+v.Image != s || v.Name == "" || v.Image == "" || strings.ContainsAny(v.Name, "=| \n") {
			t.Fatalf("Parse(%q) gave %+v", s, v)
		}
	})
}

// A compose file of any content is an error or gives variants that can be
// measured: named once each, with an image or a build.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"services: {a: {image: x}}",
		"services: {a: {build: .}, b: {image: y, x-bench: {ignore: true}}}",
		"services: {a: {image: x, entrypoint: [/rie, --log-level, debug, /run], environment: {K: v}}}",
		"x-e: &e [1]\nservices: {a: {image: x, command: *e, x-bench: {memory: 512, doc: d}}}",
		"services: {a: {image: \"${A:-${B}}\", env_file: e}}",
		"services: {a: {extends: b}, b: {image: x}}",
		"services: {a: {image: x}}\n---\nservices: {b: {image: y}}",
		"services: null", "services: [a]", "a: &a [*a]", "services: {a: null}", "include: [x]", "\x00", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "compose.yml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		variants, err := Load(context.Background(), Options{Dir: dir, Env: []string{"A=a"}})
		if err != nil {
			if variants != nil {
				t.Fatalf("%d variants and %v", len(variants), err)
			}
			return
		}
		seen := map[string]coldstart.Variant{}
		for _, v := range variants {
			if _, twice := seen[v.Name]; twice || v.Name == "" || v.Image == "" && v.Build == nil {
				t.Fatalf("variant %+v of %q", v, text)
			}
			if v.Build != nil && (!filepath.IsAbs(v.Build.Context) || !filepath.IsAbs(v.Build.Dockerfile)) {
				t.Fatalf("build %+v of %q", v.Build, text)
			}
			seen[v.Name] = v
		}
	})
}
