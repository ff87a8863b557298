package runfile

import (
	"bytes"
	"coldbench/bench/internal/coldstart"
	"path/filepath"
	"strings"
	"testing"
)

func config(imageID, contentID, setupID string) Config {
	return Config{Config: coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}, SetupID: setupID, Image: Image{ImageID: imageID, ContentID: contentID}}
}

func TestConfigChange(t *testing.T) {
	for _, test := range []struct {
		name    string
		was, is Config
		want    Change
		renamed bool
	}{
		{"equal", config("i", "c", "s"), config("i", "c", "s"), ChangeNone, false},
		{"touched", config("i", "c", "s"), config("j", "c", "s"), ChangeNone, true},
		{"other content", config("i", "c", "s"), config("j", "d", "s"), ChangeImage, false},
		{"another setup", config("i", "c", "s"), config("i", "c", "t"), ChangeSetup, false},
		{"touched, another setup", config("i", "c", "s"), config("j", "c", "t"), ChangeSetup, true},
		{"other content and setup", config("i", "c", "s"), config("j", "d", "t"), ChangeImage, false},
		{"an older file, the same ID", config("i", "", ""), config("i", "c", "s"), ChangeNone, false},
		{"an older file, another ID", config("i", "", ""), config("j", "c", "s"), ChangeImage, false},
		{"no content IDs, another ID", config("i", "", "s"), config("j", "", "s"), ChangeImage, false},
		{"another definition of content", config("i", "c", "s"), config("i", "d", "s"), ChangeNone, false},
		{"no image ID", config("", "", ""), config("i", "c", "s"), ChangeUnknown, false},
	} {
		if got := test.is.Change(test.was); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if got := test.was.Change(test.is); got != test.want {
			t.Errorf("%s, the other way: %q, want %q", test.name, got, test.want)
		}
		if got := test.is.Renamed(test.was); got != test.renamed {
			t.Errorf("%s: renamed %v, want %v", test.name, got, test.renamed)
		}
	}
}

func TestSeenImages(t *testing.T) {
	seen := SeenImages{}
	seen.Add(config("i", "c", ""))
	on := func(c Config, name string) Config {
		c.Function = &FunctionRef{Name: name}
		return c
	}
	seen.Add(on(config("k", "e", ""), "one"))
	for _, test := range []struct {
		name string
		c    Config
		want bool
	}{
		{"the same", config("i", "c", "s"), true},
		{"touched", config("j", "c", ""), true},
		{"content not known", config("i", "", ""), true},
		{"another", config("j", "d", ""), false},
		{"another, content not known", config("j", "", ""), false},
		{"an image ID that is a content ID", config("c", "", ""), false},
		{"the function's own", on(config("k", "e", ""), "one"), true},
		{"another function", on(config("k", "e", ""), "two"), false},
		{"an image that a function has", config("k", "e", ""), false},
	} {
		if got := seen.Has(test.c); got != test.want {
			t.Errorf("%s: seen %v, want %v", test.name, got, test.want)
		}
	}
}

// A file of an older bench, which knew no content IDs, is still read, and its image
// IDs decide.
func TestReadsFilesWithoutContentIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	h := header()
	h.Configs[0].Image.ContentID, h.Configs[0].SetupID = "sha256:c", "sha256:s"
	w, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	run := open(t, path)
	if c := run.Header.Configs[0]; c.Image.ContentID != "sha256:c" || c.SetupID != "sha256:s" {
		t.Errorf("read %+v", c)
	}
	var line bytes.Buffer
	line.WriteString(`{"type":"run","schema":1,"configs":[{"variant":"scratch","memorySizeMB":512,"arch":"amd64","image":{"imageId":"sha256:1","standIn":false}}]}` + "\n")
	old, err := Read(&line)
	if err != nil || strings.Contains(strings.Join(old.Warnings, "\n"), "unknown") {
		t.Fatalf("%v, %q", err, old.Warnings)
	}
	if got := run.Header.Configs[0].Change(old.Header.Configs[0]); got != ChangeNone {
		t.Errorf("the same image ID without content ID: %q", got)
	}
}
