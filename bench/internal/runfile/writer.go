package runfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"
)

// ErrLocked is wrapped by the error of Create and Resume where another bench
// is writing the same file.
var ErrLocked = errors.New("another bench is writing this run file")

type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Seek(int64, int) (int64, error)
	Sync() error
	Close() error
}

// Writer appends records to one run file. Each record is one line and one
// write(2) and is in the kernel's hands when the method returns: a bench that
// is killed loses nothing that was recorded. The file is synced to disk when
// it is created, at the end record and at Close, not after each record: that
// would disturb what is measured, and only a machine that loses power could
// lose more.
//
// A write that fails, on a full disk say, is taken back: the file then ends
// with the last whole line. Where even that is refused, at most one torn line
// ends the file and nothing is written after it.
//
// Its methods may be called from several goroutines.
type Writer struct {
	mu    sync.Mutex
	f     file
	path  string
	whole int64
	// broken is set where a torn line could not be taken back.
	broken                     error
	closed                     bool
	samples, rejects, failures int
	host                       *HostLoad
}

// Create makes the run file at path, which must not exist, and writes the
// header. Where that fails there is no file.
func Create(path string, h Header) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("creating run file: %w", err)
	}
	w := &Writer{f: f, path: path}
	h.Type, h.Schema = typeRun, Schema
	if h.Configs == nil {
		h.Configs = []Config{}
	}
	err = lock(f)
	if err == nil {
		err = w.write(h)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("creating run file %s: %w", path, err), f.Close(), os.Remove(path))
	}
	return w, nil
}

// CreateIn makes a run file in dir, and dir where it is missing, under the
// name TIME-BACKEND-ENGINE.jsonl, or TIME-aws-rehearsal.jsonl, TIME being started
// in UTC to the second. Two
// runs of one second get names of their own. The header's ID becomes the name
// without its extension, Started the stamp of started.
func CreateIn(dir string, started time.Time, h Header) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating folder of run files: %w", err)
	}
	stem := started.UTC().Format("20060102T150405Z") + "-" + h.Place()
	if h.Rehearsal == "" {
		stem += "-" + h.Engine
	}
	h.Started = Stamp(started)
	for n := 1; ; n++ {
		h.ID = stem
		if n > 1 {
			h.ID = fmt.Sprintf("%s-%d", stem, n)
		}
		w, err := Create(filepath.Join(dir, h.ID+Ext), h)
		if errors.Is(err, fs.ErrExist) && n < 1000 {
			continue
		}
		return w, err
	}
}

// Path returns the path of the file.
func (w *Writer) Path() string { return w.path }

// Sample records a measured invocation.
func (w *Writer) Sample(s coldstart.Sample) error {
	return w.record(fromSample(s), &w.samples)
}

// Reject records an invocation that could not be proved to be what was asked
// for.
func (w *Writer) Reject(a coldstart.Attempt, e *coldstart.ProofError) error {
	return w.record(fromReject(a, e), &w.rejects)
}

// Failure records an invocation that gave no sample. Of its output the last
// 4 KB are kept.
func (w *Writer) Failure(a coldstart.Attempt, e *coldstart.InvocationError) error {
	return w.record(fromFailure(a, e), &w.failures)
}

// Deployed records that an image is about to be started for the first time.
func (w *Writer) Deployed(d coldstart.Deployed) error { return w.record(fromDeployed(d), nil) }

// End records why the run stopped, one of the Stopped constants, and what was
// noticed on the way, and syncs the file.
func (w *Writer) End(at time.Time, stopped string, warnings []string) error {
	w.mu.Lock()
	e := End{
		Type: typeEnd, At: Stamp(at), Samples: w.samples, Rejects: w.rejects, Failures: w.failures,
		Stopped: stopped, Warnings: warnings, Host: w.host,
	}
	w.mu.Unlock()
	if err := w.record(e, nil); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("syncing run file %s: %w", w.path, err)
	}
	return nil
}

// Host sets what End records of the machine; nil for nothing.
func (w *Writer) Host(l *HostLoad) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.host = l
}

// Close syncs and closes the file. It may be called twice.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
		return fmt.Errorf("closing run file %s: %w", w.path, err)
	}
	return nil
}

func (w *Writer) record(r any, count *int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.write(r); err != nil {
		return fmt.Errorf("writing run file %s: %w", w.path, err)
	}
	if count != nil {
		*count++
	}
	return nil
}

func (w *Writer) write(r any) error {
	if w.broken != nil {
		return w.broken
	}
	if w.closed {
		return fs.ErrClosed
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return err
	}
	n, err := w.f.Write(line.Bytes())
	if err != nil {
		if n > 0 {
			if terr := w.cut(); terr != nil {
				w.broken = fmt.Errorf("its last line is torn: %w", err)
			}
		}
		return err
	}
	w.whole += int64(n)
	return nil
}

func (w *Writer) cut() error {
	if err := w.f.Truncate(w.whole); err != nil {
		return err
	}
	_, err := w.f.Seek(w.whole, 0)
	return err
}

// server is how the resolver names the machine that it asked.
var server = regexp.MustCompile(` on (\[[0-9a-fA-F:.%a-z]+\]|[0-9.]+):53\b`)

// Publishable takes out of an error's text what a run file must not hold, because it
// is made to be published: the folders of this machine's user, of which dir is the
// working directory and home may be empty, and the address of the name server.
func Publishable(text, dir, home string) string {
	text = strings.ReplaceAll(text, dir+"/", "")
	if len(home) > 1 {
		text = strings.ReplaceAll(text, home+"/", "~/")
	}
	return server.ReplaceAllString(text, "")
}
