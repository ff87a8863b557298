package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// loadManifest is one element of manifest.json in a stream for docker load.
type loadManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// WriteTar writes an image of the store as docker load and podman load take
// it; the engine then has it under the same ID. Layers stay compressed, nothing
// is held in memory. It is tagged "coldbench/NAME:ID12" (NAME the variant that
// it was built for, or "image"), so that the engine does not show it as
// dangling and a prune does not take it away in mid-run; no two images share a
// tag, so none is moved.
func (s *Store) WriteTar(ctx context.Context, id string, w io.Writer) error {
	if err := s.writeTarball(ctx, id, w); err != nil {
		return fmt.Errorf("writing image %s: %w", id, err)
	}
	return nil
}

func (s *Store) writeTarball(ctx context.Context, id string, w io.Writer) error {
	c, entry, err := s.byID(id)
	if err != nil {
		return err
	}
	m := loadManifest{
		Config:   c.manifest.Config.Digest.Hex + ".json",
		RepoTags: []string{Tag(entry.Annotations[annotationVariant], id)},
		Layers:   []string{},
	}
	tw := tar.NewWriter(w)
	if err := writeMember(tw, m.Config, int64(len(c.configRaw)), strings.NewReader(string(c.configRaw))); err != nil {
		return err
	}
	written := map[string]bool{}
	for _, l := range c.layers {
		name := l.Blob.Digest.Hex + ".tar.gz"
		m.Layers = append(m.Layers, name)
		if written[name] {
			continue
		}
		written[name] = true
		r, err := s.openBlob(l.Blob)
		if err != nil {
			return err
		}
		err = writeMember(tw, name, l.Blob.Size, contextReader{ctx, r})
		if err == nil {
			err = drain(r)
		}
		r.Close()
		if err != nil {
			return err
		}
	}
	data, err := json.Marshal([]loadManifest{m})
	if err != nil {
		return err
	}
	if err := writeMember(tw, "manifest.json", int64(len(data)), strings.NewReader(string(data))); err != nil {
		return err
	}
	return tw.Close()
}

// writeMember writes one file of the stream.
func writeMember(tw *tar.Writer, name string, size int64, r io.Reader) error {
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	_, err := io.Copy(tw, r)
	return err
}

// Tag returns the tag that WriteTar gives to an image with an ID, built for a
// variant; an empty name is "image".
func Tag(name, id string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	clean := strings.TrimSuffix(b.String(), "-")
	if clean == "" {
		clean = "image"
	}
	return "coldbench/" + clean + ":" + shortID(id)
}
