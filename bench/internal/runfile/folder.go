package runfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"coldbench/bench/internal/coldstart"
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

func fromDeployed(d coldstart.Deployed) Deployed {
	return Deployed{
		Type: typeDeploy, Config: d.Config,
		Round: d.Round, Deployment: d.Number, Image: d.Image, At: Stamp(d.At),
	}
}

// Note returns what was recorded.
func (r Deployed) Note() coldstart.Deployed {
	// As in Try: a stamp that can't be read was refused already.
	at, _ := time.Parse(time.RFC3339, r.At)
	return coldstart.Deployed{
		Config: r.Config, Round: r.Round, Number: r.Deployment, Image: r.Image, At: at,
	}
}

// DeployedTo returns the images that other runs of the backend, engine and host of
// h have deployed, by digest, for each function: they are new there no more. It
// reads the files of those runs whole; one that can't be read is an error, for what
// it deployed is not known then.
func DeployedTo(entries []Entry, h Header) (map[string]map[string]bool, error) {
	seen := map[string]map[string]bool{}
	for _, e := range entries {
		if !e.Header.sameHost(h) || e.Header.Plan.Redeploy == 0 || e.Header.ID == h.ID {
			continue
		}
		run, err := Open(e.Path)
		if err != nil {
			return nil, fmt.Errorf("looking for images that were deployed before: %w", err)
		}
		function := map[coldstart.Config]string{}
		for _, c := range e.Header.Configs {
			if c.Function != nil {
				function[c.Config] = c.Function.Name
			}
		}
		for _, d := range run.Deployed {
			name := function[d.Config]
			if seen[name] == nil {
				seen[name] = map[string]bool{}
			}
			seen[name][d.Image] = true
		}
	}
	return seen, nil
}

// DeployedOf returns the images that the run has started of a variant, and of how
// many deployments. A nil run has started none.
func (r *Run) DeployedOf(variant, arch string) (images []string, deployments int) {
	if r == nil {
		return nil, 0
	}
	numbers := map[int]bool{}
	for _, d := range r.Deployed {
		if d.Variant == variant && d.Arch == arch {
			images = append(images, d.Image)
			numbers[d.Deployment] = true
		}
	}
	return images, len(numbers)
}

// Reference is a run whose images are measured again beside the present ones. The
// zero value is none.
type Reference struct {
	// Run is the run's ID.
	Run string
	// Configs are those that it measured.
	Configs []Config
}

// Measured returns the run with the header as a reference: what it measured, without
// its control and the images of its own reference.
func (h Header) Measured() Reference {
	r := Reference{Run: h.ID}
	for _, c := range h.Configs {
		if c.Before == "" && c.Variant != h.Plan.Control {
			r.Configs = append(r.Configs, c)
		}
	}
	return r
}

// MeasuredAgainst returns the reference of the run with the header: exactly those
// images that it measures.
func (h Header) MeasuredAgainst() Reference {
	r := Reference{Run: h.Plan.Against}
	for _, c := range h.Configs {
		if c.Before != "" {
			c.Variant = c.Before
			r.Configs = append(r.Configs, c)
		}
	}
	return r
}

// Of returns what a variant was measured as for an architecture.
func (r Reference) Of(variant, arch string) (Config, bool) {
	i := slices.IndexFunc(r.Configs, func(c Config) bool { return c.Variant == variant && c.Arch == arch })
	if i < 0 {
		return Config{}, false
	}
	return r.Configs[i], true
}

// Sizes returns the memory sizes that a variant was measured at.
func (r Reference) Sizes(variant string) []int {
	var list []int
	for _, c := range r.Configs {
		if c.Variant == variant && !slices.Contains(list, c.MemoryMB) {
			list = append(list, c.MemoryMB)
		}
	}
	return list
}
