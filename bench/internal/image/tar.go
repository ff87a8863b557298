package image

import (
	"cmp"
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// WriteTar writes an image of the store as docker load and podman load take it; the engine
// then has it under the same ID. Nothing is held in memory. It is tagged
// "coldbench/NAME:ID12" (NAME the variant that it was built for, or "image"), so that a
// prune does not take it away in mid-run; no two images share a tag.
func (s *Store) WriteTar(ctx context.Context, id string, w io.Writer) (err error) {
	defer wrap(&err, "writing image %s", id)
	c, err := s.byID(id)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(Tag(c.entry.Annotations[annotationVariant], id))
	if err != nil {
		return err
	}
	img, err := s.imageOf(ctx, c)
	if err != nil {
		return err
	}
	return tarball.Write(tag, img, w)
}

// Tag returns the tag that WriteTar gives an image; an empty name is "image".
func Tag(name, id string) string {
	others := regexp.MustCompile("[^a-z0-9]+")
	clean := strings.Trim(others.ReplaceAllString(strings.ToLower(name), "-"), "-")
	return "coldbench/" + cmp.Or(clean, "image") + ":" + shortID(id)
}
