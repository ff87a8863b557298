package runfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Ext is the extension of run files.
const Ext = ".jsonl"

// Entry is a run file of a folder, of which only the header was read.
type Entry struct {
	Path   string
	Header Header
}

// Folder lists the run files of a folder from the oldest to the newest, by
// their Started and then by their path. Files that are no run files of this
// schema are left out and named in the warnings. A folder that does not exist
// is empty.
func Folder(dir string) (entries []Entry, warnings []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
		return nil, nil, fmt.Errorf("listing run files: %w", err)
	}
	for _, f := range files {
		if f.IsDir() || filepath.Ext(f.Name()) != Ext {
			continue
		}
		path := filepath.Join(dir, f.Name())
		h, err := openHeader(path)
		if err != nil {
			warnings = append(warnings, AnnotateError(path, err).Error())
			continue
		}
		entries = append(entries, Entry{path, h})
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Header.Started, b.Header.Started), cmp.Compare(a.Path, b.Path))
	})
	return entries, warnings, nil
}

func openHeader(path string) (Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return Header{}, err
	}
	defer f.Close()
	return ReadHeader(f)
}

// ReferenceFor returns the newest run that a run with the header h may be compared
// with: of the same backend, engine, storage driver, host and plan, and begun before h where h
// says when it began. It is false where there is none.
func ReferenceFor(entries []Entry, h Header) (Entry, bool) {
	for _, e := range slices.Backward(entries) {
		o := e.Header
		if h.Started != "" && o.Started >= h.Started {
			continue
		}
		if o.sameHost(h) && o.Place() == h.Place() && o.SameStorage(h) && o.Plan.Equal(h.Plan) {
			return e, true
		}
	}
	return Entry{}, false
}

// SeenImages are images that runs were made with: by image ID and by content ID,
// as coldstart.Identity.Same compares them. On AWS an image counts once for each
// function, whose first cold start with it is another one.
type SeenImages map[string]bool

// Add enters the image of a configuration.
func (s SeenImages) Add(c Config) {
	for _, key := range imageKeys(c) {
		s[key] = true
	}
}

// Has reports whether the same image was entered.
func (s SeenImages) Has(c Config) bool {
	return slices.ContainsFunc(imageKeys(c), func(key string) bool { return s[key] })
}

func imageKeys(c Config) []string {
	keys := []string{c.Image.ImageID}
	if c.Image.ContentID != "" {
		keys = append(keys, "content "+c.Image.ContentID)
	}
	if c.Function != nil {
		for i := range keys {
			keys[i] += "@" + c.Function.Name
		}
	}
	return keys
}

// ImagesSeen returns the images that the runs of the backend, engine and host of h
// were made with: the first cold start of any other image is of the class
// first-after-deploy there.
func ImagesSeen(entries []Entry, h Header) SeenImages {
	seen := SeenImages{}
	for _, e := range entries {
		// With Redeploy others were started in its images' place, see DeployedTo.
		if e.Header.sameHost(h) && e.Header.Plan.Redeploy == 0 {
			for _, c := range e.Header.Configs {
				seen.Add(c)
			}
		}
	}
	return seen
}

// sameHost reports whether two runs are of one backend, engine and host.
func (h Header) sameHost(o Header) bool {
	return h.Backend == o.Backend && h.Engine == o.Engine && h.Host.Fingerprint == o.Host.Fingerprint
}

// NewestImages returns the image IDs of the newest local runs.
func NewestImages(entries []Entry, runs int) []string {
	var ids []string
	for _, e := range slices.Backward(entries) {
		if e.Header.Backend != "local" {
			continue
		}
		if runs--; runs < 0 {
			break
		}
		for _, c := range e.Header.Configs {
			ids = append(ids, c.Image.ImageID)
		}
	}
	return ids
}

// Before returns the runs that began before the run with the header h: what was
// known when it began.
func Before(entries []Entry, h Header) []Entry {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Header.Started >= h.Started })
	if i < 0 {
		return entries
	}
	return entries[:i]
}
