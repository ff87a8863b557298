package docker

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
)

// Named by the digest of what they hold, so that different builds of bench share none.
const (
	emulatorRepository = "coldbench/rie"
	volumePrefix       = "coldbench-start-"
	// startFolder is where the volume is mounted.
	startFolder = "/coldbench"
	startPath   = startFolder + "/start"
)

// emulatorImage holds the emulator and images/start, and nothing else.
type emulatorImage struct {
	arch        string
	tag         string // coldbench/rie:DIGEST
	volume      string
	startDigest string // SHA-256 of images/start, hexadecimal
	rie, start  []byte
}

func newEmulatorImage(arch string, rie, start []byte) *emulatorImage {
	h := sha256.New()
	fmt.Fprintf(h, "1 %s %d ", arch, len(rie)) // 1: the layout below
	h.Write(rie)
	h.Write(start)
	digest := fmt.Sprintf("%x", sha256.Sum256(start))
	return &emulatorImage{
		arch: arch, rie: rie, start: start,
		tag:         emulatorRepository + ":" + fmt.Sprintf("%x", h.Sum(nil))[:12],
		volume:      volumePrefix + digest[:12],
		startDigest: digest,
	}
}

// writeTo writes the image as docker save does. Equal contents give equal bytes.
func (i *emulatorImage) writeTo(w io.Writer) error {
	var layer bytes.Buffer
	err := writeTar(&layer, 0o755, file{"coldbench/", nil}, file{"coldbench/start", i.start}, file{"rie", i.rie})
	if err != nil {
		return fmt.Errorf("writing layer: %w", err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": i.arch,
		"os":           "linux",
		"config": map[string]any{
			"Entrypoint": []string{"/rie", "--stdio"},
			"Labels":     map[string]string{labelRole: roleEmulator},
		},
		"rootfs": map[string]any{
			"type":     "layers",
			"diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))},
		},
	})
	if err != nil {
		return fmt.Errorf("writing image configuration: %w", err)
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{i.tag}, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return fmt.Errorf("writing manifest: %w", err)
	}
	return writeTar(w, 0o644, file{"layer.tar", layer.Bytes()}, file{configName, config}, file{"manifest.json", manifest})
}

type file struct {
	name    string // a folder's ends in a slash
	content []byte
}

func writeTar(w io.Writer, mode int64, files ...file) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: mode, Size: int64(len(f.content)), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
		if _, err := t.Write(f.content); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
	}
	return t.Close()
}
