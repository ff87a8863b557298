package awslambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coldbench/bench/internal/advice"
)

// journal says how functions were before they were measured, so that a bench
// that comes after one that was killed can put them back. It holds no value of a
// variable and no credential.
type journal struct {
	Schema  int    `json:"schema"`
	Started string `json:"started"`
	Region  string `json:"region"`
	// Endpoint is empty for AWS, "rehearsal" for an endpoint that died with the
	// bench that served it, else a host.
	Endpoint  string           `json:"endpoint,omitempty"`
	Functions []journaledState `json:"functions"`
}

type journaledState struct {
	Name string `json:"name"`
	// Keys are the names of the variables that bench adds.
	Keys     []string `json:"keys"`
	MemoryMB int      `json:"memoryMB"`
	// Sizes are the memory sizes that bench sets: another one is somebody
	// else's.
	Sizes []int `json:"sizes"`
	// RevisionID is the one before the first update.
	RevisionID string `json:"revisionId"`
	// Versions is the description of the versions that bench publishes.
	Versions string `json:"versions,omitempty"`
	// Image is the URI of the image that the function had, with its digest, where
	// bench deploys others; Images are the digests of those: another one is
	// somebody else's.
	Image  string   `json:"image,omitempty"`
	Images []string `json:"images,omitempty"`
}

const (
	journalSchema = 1
	journalExt    = ".journal"
)

// openJournal is a journal on disk that this process holds.
type openJournal struct {
	f    *os.File
	path string
	journal
}

// writeJournal puts a journal on disk, under a name of its own, and keeps it
// locked: other benches leave it alone as long as this one lives.
func writeJournal(dir string, now time.Time, j journal) (_ *openJournal, err error) {
	if dir == "" {
		return nil, errors.New("writing the restore journal: no folder to put it")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("writing the restore journal: %w", err)
	}
	j.Schema, j.Started = journalSchema, now.UTC().Format(time.RFC3339)
	stem := now.UTC().Format("20060102T150405.000000000Z")
	f, err := os.OpenFile(filepath.Join(dir, stem+journalExt), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the restore journal: %w", err)
	}
	o := &openJournal{f: f, path: f.Name(), journal: j}
	if !lockFile(f) {
		err = errors.New("it is locked")
	}
	if err == nil {
		err = o.save()
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("writing the restore journal: %w", err), f.Close(), os.Remove(o.path))
	}
	return o, nil
}

// save writes the journal and waits until it is on disk.
func (o *openJournal) save() error {
	text, err := json.MarshalIndent(o.journal, "", "  ")
	if err != nil {
		return err
	}
	// One that is cut short by a crash in here would be of no use; it only ever
	// shrinks from the list that covers everything.
	if _, err := o.f.WriteAt(append(text, '\n'), 0); err != nil {
		return err
	}
	return errors.Join(o.f.Truncate(int64(len(text)+1)), o.f.Sync())
}

func (o *openJournal) done() error {
	err := errors.Join(os.Remove(o.path), o.f.Close())
	if err != nil {
		return fmt.Errorf("removing the restore journal: %w", err)
	}
	return nil
}

// staleJournals opens the journals in dir that no living bench holds.
func staleJournals(dir string) ([]*openJournal, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || dir == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for restore journals: %w", err)
	}
	var list []*openJournal
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), journalExt) {
			continue
		}
		path := filepath.Join(dir, file.Name())
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return list, fmt.Errorf("reading a restore journal: %w", err)
		}
		if !lockFile(f) {
			f.Close()
			continue
		}
		o := &openJournal{f: f, path: path}
		err = json.NewDecoder(f).Decode(&o.journal)
		switch {
		case err != nil:
			// It was killed before the journal was whole, and so before the
			// first update.
			if info, serr := f.Stat(); serr == nil && info.Size() == 0 {
				o.done()
				continue
			}
			f.Close()
			return list, advice.Hint(fmt.Errorf("reading the restore journal %s: %w", path, err), "look at the functions it names, then remove it")
		case o.Schema > journalSchema:
			f.Close()
			return list, fmt.Errorf("the restore journal %s is of a newer bench", path)
		}
		list = append(list, o)
	}
	return list, nil
}

// close lets go of a journal without removing it.
func (o *openJournal) close() { o.f.Close() }

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !folderNeedsNoSync(err) {
		return err
	}
	return nil
}
