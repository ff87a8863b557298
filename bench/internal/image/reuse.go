package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// buildVersion is what annotationBuilder says of images whose files have their sources' times
// and modes. Those of earlier benches had the time 0 and are not used again.
const buildVersion = "2"

// version is what annotationBuilder says of an image of this build. One with
// SOURCE_DATE_EPOCH, whose times are not the files', is not used again.
func (b *builder) version() string {
	if b.epoch != nil {
		return buildVersion + " SOURCE_DATE_EPOCH"
	}
	return buildVersion
}

// finish returns an image of the store with the same content, else a new one.
func (b *builder) finish(ctx context.Context, name string, st *stage) (*content, error) {
	if !b.options.NoCache && b.version() == buildVersion {
		c, err := b.store.alike(ctx, st)
		if err != nil {
			return nil, err
		}
		if c != nil {
			if !slices.EqualFunc(c.layers, st.layers, func(x, y layer) bool { return x.DiffID == y.DiffID }) {
				b.options.say("%s: nothing but times differs from image %s, which is used again (bench images build --no-cache builds anew)", name, shortID(c.id()))
			}
			return c, nil
		}
	}
	return b.store.write(st)
}

// alike returns the newest image that bench built and that differs from a stage in times and
// history only; nil for none. Like Docker's build cache it compares configurations and
// layers. Equal content in other layers is another image, perhaps of another size.
func (s *Store) alike(ctx context.Context, st *stage) (*content, error) {
	images, err := s.images()
	if err != nil {
		return nil, err
	}
	for c := range images {
		notes := c.entry.Annotations
		if notes[annotationSource] != sourceBuild || notes[annotationBuilder] != buildVersion || c.manifest.MediaType != st.media || !sameConfig(c.config, st.config) {
			continue
		}
		if same, err := s.sameLayers(ctx, c.layers, st.layers); err != nil || same {
			return s.keepImage(c), err
		}
	}
	return nil, nil
}

// sameConfig compares two configurations without dates, history and layers.
func sameConfig(a, b *v1.ConfigFile) bool {
	text := func(c *v1.ConfigFile) []byte {
		c = c.DeepCopy()
		c.Created, c.History, c.RootFS = v1.Time{}, nil, v1.RootFS{}
		data, err := json.Marshal(c)
		if err != nil {
			return nil
		}
		return data
	}
	x, y := text(a), text(b)
	return x != nil && bytes.Equal(x, y)
}

// sameLayers compares layers without times.
func (s *Store) sameLayers(ctx context.Context, a, b []layer) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if a[i].DiffID == b[i].DiffID {
			continue
		}
		x, err := s.inspect(ctx, a[i])
		if err != nil {
			return false, nil // damaged, and gone now
		}
		y, err := s.inspect(ctx, b[i])
		if err != nil || !bytes.Equal(x.sum(), y.sum()) {
			return false, err
		}
	}
	return true, nil
}

// sum returns a digest of a layer's files without times.
func (i layerInfo) sum() []byte {
	sum := sha256.New()
	for _, e := range i.Entries {
		hashEntry(sum, e.Name, e)
		fmt.Fprintf(sum, "%q\n", e.Link)
	}
	return sum.Sum(nil)
}
