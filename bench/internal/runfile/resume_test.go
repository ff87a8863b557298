package runfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"coldbench/bench/internal/advice"
)

// A run that is cut at any byte can be resumed, and reads as if only the torn
// record had been taken anew.
func TestResumeAfterAnyCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.jsonl")
	write(t, path, 2)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(data, '\n') + 1
	for cut := 0; cut <= len(data); cut++ {
		if around := data[max(0, cut-1):min(len(data), cut+2)]; cut > 0 && !bytes.Contains(around, []byte("\n")) && cut%211 != 0 {
			continue // every cut at the ends of lines, some of the rest: each is synced to disk
		}
		if err := os.WriteFile(path, data[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		w, past, err := Resume(path, header(), day)
		if cut < first {
			if !errors.Is(err, ErrNotRun) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, data[:cut]) {
				t.Fatalf("cut at %d: the file was changed", cut)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if err := errors.Join(w.Sample(sample(9)), w.End(day, StoppedPlan, nil), w.Close()); err != nil {
			t.Fatal(err)
		}
		run := open(t, path)
		if len(run.Samples) != len(past.Samples)+1 || !reflect.DeepEqual(run.Samples[:len(past.Samples)], past.Samples) && len(past.Samples) > 0 {
			t.Fatalf("cut at %d: %d samples after %d", cut, len(run.Samples), len(past.Samples))
		}
		if len(run.Warnings) != 0 || len(run.Resumes) != 1 || run.End == nil || run.End.Samples != len(run.Samples) {
			t.Fatalf("cut at %d: %q, end %+v", cut, run.Warnings, run.End)
		}
	}
}

func TestResumeRefusesSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 1)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(h *Header){
		"backend":                    func(h *Header) { h.Backend = "aws" },
		"engine":                     func(h *Header) { h.Engine = "sandbox" },
		"host":                       func(h *Header) { h.Host.Fingerprint = "f2" },
		"plan":                       func(h *Header) { h.Plan.Runs = 51 },
		"configurations":             func(h *Header) { h.Configs = h.Configs[:1] },
		"image of al2/512MB/amd64":   func(h *Header) { h.Configs[1].Image.ImageID = "sha256:3" },
		" content is known now":      func(h *Header) { h.Configs[1].Image.ContentID, h.Configs[1].SetupID = "sha256:c", "sha256:s" },
		"":                           func(h *Header) { h.Tool, h.ID, h.Started, h.Reference = "bench v2", "y", "", "x" },
		" kernel is the fingerprint": func(h *Header) { h.Host.Kernel, h.Plan.MemoryMB = "7", append([]int(nil), 512) },
	} {
		h := header()
		change(&h)
		w, _, err := Resume(path, h, day)
		var m *Mismatch
		if what == "" || what[0] == ' ' {
			if err != nil {
				t.Errorf("%q: %v", what, err)
				continue
			}
			w.Close()
			if err := os.WriteFile(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !errors.As(err, &m) || m.What != what || m.Was == m.Is {
			t.Errorf("%s: %v", what, err)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, before) {
			t.Fatalf("%s: the file was changed", what)
		}
	}
}

func TestResumeRefusesWhatIsFinished(t *testing.T) {
	for _, stopped := range []string{StoppedPlan, StoppedPrecision, StoppedInterrupted, StoppedGaveUp} {
		path := filepath.Join(t.TempDir(), "r.jsonl")
		w, err := Create(path, header())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.End(day, stopped, nil), w.Close()); err != nil {
			t.Fatal(err)
		}
		w, _, err = Resume(path, header(), day)
		finished := stopped == StoppedPlan || stopped == StoppedPrecision
		if errors.Is(err, ErrFinished) != finished || finished != (advice.HintOf(err) != "") || !finished && err != nil {
			t.Errorf("%s: %v", stopped, err)
		}
		if w != nil {
			w.Close()
		}
	}
	if _, _, err := Resume(filepath.Join(t.TempDir(), "none"), header(), day); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestOneBenchAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	w, err := Create(path, header())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Resume(path, header(), day); !errors.Is(err, ErrLocked) {
		t.Errorf("resumed while it is written: %v", err)
	}
	if _, err := Create(path, header()); !errors.Is(err, os.ErrExist) {
		t.Errorf("created over it: %v", err)
	}
	open(t, path) // reading is always allowed
	if err := errors.Join(w.Sample(sample(1)), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, run, err := Resume(path, header(), day)
	if err != nil || len(run.Samples) != 1 {
		t.Fatal(run, err)
	}
	if _, _, err := Resume(path, header(), day); !errors.Is(err, ErrLocked) {
		t.Errorf("resumed twice: %v", err)
	}
	r.Close()
}

// A run goes on with an image of another ID if the content is the same, and not
// if the function is started otherwise.
func TestResumeComparesContent(t *testing.T) {
	for _, tt := range []struct {
		what   string
		change func(c *Config)
	}{
		{"", func(c *Config) { c.Image.ImageID = "sha256:3" }},
		{"image of al2/512MB/amd64", func(c *Config) { c.Image.ImageID, c.Image.ContentID = "sha256:3", "sha256:d" }},
		{"image of al2/512MB/amd64", func(c *Config) { c.Image = Image{} }},
		{"setup of al2/512MB/amd64", func(c *Config) { c.SetupID = "sha256:t" }},
	} {
		what, change := tt.what, tt.change
		path := filepath.Join(t.TempDir(), "r.jsonl")
		h := header()
		h.Configs[1].Image.ContentID, h.Configs[1].SetupID = "sha256:c", "sha256:s"
		w, err := Create(path, h)
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		change(&h.Configs[1])
		w, _, err = Resume(path, h, day)
		var m *Mismatch
		switch {
		case what == "" && err != nil:
			t.Errorf("the same content: %v", err)
		case what == "":
			w.Close()
		case !errors.As(err, &m) || m.What != what:
			t.Errorf("%s: %v", what, err)
		}
	}
}
