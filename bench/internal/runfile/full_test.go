package runfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// disk is a file on a disk that fills up.
type disk struct {
	bytes.Buffer
	room   int
	writes int
	// stuck refuses to take back what was written.
	stuck bool
}

var errFull = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	d.writes++
	n := min(len(p), d.room)
	d.room -= n
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func (d *disk) Truncate(n int64) error {
	if d.stuck {
		return errFull
	}
	d.room += d.Len() - int(n)
	d.Buffer.Truncate(int(n))
	return nil
}

func (d *disk) Seek(n int64, _ int) (int64, error) { return n, nil }
func (d *disk) Sync() error                        { return nil }
func (d *disk) Close() error                       { return nil }

func TestFullDiskLeavesWholeLines(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		for room := 0; room < 2500; room += 13 {
			d := &disk{room: 1 << 20, stuck: stuck}
			w := &Writer{f: d}
			h := header()
			h.Type, h.Schema = "run", 1
			if err := w.write(h); err != nil {
				t.Fatal(err)
			}
			d.room, d.writes = room, 0
			taken, refused := 0, 0
			for i := range 5 {
				switch err := w.Sample(sample(i + 1)); {
				case err == nil && refused > 0:
					t.Fatal("a sample of the same length went in later")
				case err == nil:
					taken++
				case errors.Is(err, errFull):
					refused++
				default:
					t.Fatal(err)
				}
			}
			if want := taken + refused; !stuck && d.writes != want {
				t.Fatalf("%d writes for %d records", d.writes, want)
			}
			run, err := Read(bytes.NewReader(d.Bytes()))
			if err != nil || len(run.Samples) != taken {
				t.Fatalf("room for %d bytes, stuck %v: %d samples of %d, %v", room, stuck, len(run.Samples), taken, err)
			}
			if torn := run.Whole != int64(d.Len()); torn && !stuck {
				t.Fatalf("room for %d bytes: a torn line", room)
			}
			if torn := run.Whole != int64(d.Len()); torn {
				// Room again: but nothing may follow a torn line.
				d.room = 1 << 20
				if err := w.Sample(sample(9)); !errors.Is(err, errFull) {
					t.Fatalf("written after a torn line: %v", err)
				}
				continue
			}
			// There may be room for an end record where there was none for a
			// sample; it is whole or it is not there.
			if err := w.End(day, StoppedGaveUp, nil); (err == nil) != func() bool {
				run, rerr := Read(bytes.NewReader(d.Bytes()))
				return rerr == nil && run.End != nil && run.End.Samples == taken
			}() {
				t.Fatalf("room for %d bytes, stuck %v: end: %v", room, stuck, err)
			}
		}
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	for i, want := range []string{"20261124T081554Z-local-docker", "20261124T081554Z-local-docker-2", "20261124T081554Z-local-docker-3"} {
		w, err := CreateIn(filepath.Join(dir, "results", "runs"), day, header())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		run := open(t, w.Path())
		if filepath.Base(w.Path()) != want+".jsonl" || run.Header.ID != want || run.Header.Started != "2026-11-24T08:15:54.123456Z" {
			t.Errorf("%d: %s has ID %s of %s", i, w.Path(), run.Header.ID, run.Header.Started)
		}
	}
	if _, err := Create(filepath.Join(dir, "none", "r.jsonl"), header()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateIn(filepath.Join(dir, "file"), day, header()); err == nil || !strings.Contains(err.Error(), "creating folder") {
		t.Errorf("a file in place of the folder: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if es, ws, err := Folder(filepath.Join(dir, "none")); len(es) != 0 || len(ws) != 0 || err != nil {
		t.Errorf("no folder: %v %v %v", es, ws, err)
	}
	make := func(days int, change func(h *Header)) string {
		h := header()
		change(&h)
		w, err := CreateIn(dir, day.AddDate(0, 0, days), h)
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		return w.Path()
	}
	sandbox := make(5, func(h *Header) { h.Engine = "sandbox"; h.Configs[0].Image.ImageID = "sha256:9" })
	make(4, func(h *Header) { h.Host.Fingerprint = "f2" })
	second := make(3, func(h *Header) {})
	make(2, func(h *Header) { h.Plan.Seed = 2 })
	first := make(1, func(h *Header) { h.Configs[0].Image.ImageID = "sha256:0" })
	for name, text := range map[string]string{"bad.jsonl": "hello\n", "notes.txt": "", "torn.jsonl": `{"type":"run"`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	es, ws, err := Folder(dir)
	if err != nil || len(es) != 5 || len(ws) != 2 || es[0].Path != first || es[4].Path != sandbox {
		t.Fatalf("folder %v, %q, %v", es, ws, err)
	}
	h := header()
	h.Started = ""
	if p, ok := ReferenceFor(es, h); !ok || p.Path != second {
		t.Errorf("previous %v %v", p.Path, ok)
	}
	if p, ok := ReferenceFor(es, es[2].Header); !ok || p.Path != first {
		t.Errorf("previous of the second %v %v", p.Path, ok)
	}
	if p, ok := ReferenceFor(es, es[0].Header); ok {
		t.Errorf("previous of the first %v", p.Path)
	}
	if b := Before(es, es[2].Header); len(b) != 2 || len(Before(es, Header{Started: "9"})) != 5 {
		t.Errorf("before the third: %v", b)
	}
	if seen := ImagesSeen(es, Header{Backend: "local", Engine: "docker", Host: Host{Fingerprint: "f1"}}); len(seen) != 3 || seen["sha256:9"] || !seen["sha256:0"] {
		t.Errorf("seen %v", seen)
	}
}

// A file of an older bench calls the reference "previous", and is read the same.
func TestReadsOldNameOfReference(t *testing.T) {
	h := header()
	h.Reference = "r0"
	now, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	now = bytes.Replace(now, []byte(`"type":""`), []byte(`"type":"run"`), 1)
	now = bytes.Replace(now, []byte(`"schema":0`), []byte(`"schema":1`), 1)
	then := bytes.Replace(now, []byte(`"reference"`), []byte(`"previous"`), 1)
	if bytes.Equal(now, then) {
		t.Fatalf("no reference in %s", now)
	}
	want, err := Read(bytes.NewReader(append(now, '\n')))
	if err != nil || want.Header.Reference != "r0" {
		t.Fatalf("%+v, %v", want, err)
	}
	got, err := Read(bytes.NewReader(append(then, '\n')))
	if err != nil || !reflect.DeepEqual(got.Header, want.Header) || !slices.Equal(got.Warnings, want.Warnings) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestReadEnd(t *testing.T) {
	long := `{"type":"end","stopped":"precision","warnings":["` + strings.Repeat("w", 300<<10) + `"]}`
	for name, c := range map[string]struct{ text, stopped string }{
		"end":             {"{\"type\":\"run\"}\n{\"type\":\"end\",\"stopped\":\"plan\"}\n", "plan"},
		"torn line after": {"{\"type\":\"run\"}\n{\"type\":\"end\",\"stopped\":\"plan\"}\n{\"type\":\"res", "plan"},
		"torn end":        {"{\"type\":\"run\"}\n{\"type\":\"end\",\"stopped\":\"plan\"}", ""},
		"resumed":         {"{\"type\":\"run\"}\n{\"type\":\"end\",\"stopped\":\"plan\"}\n{\"type\":\"resume\"}\n", ""},
		"long":            {"{\"type\":\"run\"}\n" + long + "\n", "precision"},
		"long and torn":   {"{\"type\":\"run\"}\n{\"type\":\"end\",\"stopped\":\"plan\"}\n" + long, "plan"},
		"no line":         {"{\"type\":\"run\"}", ""},
		"empty":           {"", ""},
	} {
		end, err := ReadEnd(strings.NewReader(c.text))
		if err != nil || (end == nil) != (c.stopped == "") || end != nil && end.Stopped != c.stopped {
			t.Errorf("%s: %v, %v, want %q", name, end, err, c.stopped)
		}
	}
	if end, err := ReadEnd(strings.NewReader("{\"type\":\"run\"}\nno record\n")); end != nil || err == nil {
		t.Errorf("a last line that is no record: %v, %v", end, err)
	}
}
