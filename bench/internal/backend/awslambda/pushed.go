package awslambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/atomicfile"
)

// Pushed is the content of deployment/images.auto.tfvars.json, by variant and architecture.
type Pushed struct {
	Images map[string]map[string]PushedImage `json:"images"`
}

// PushedImage is an image as deployment/variables.tf declares it. Unset is the image's own.
type PushedImage struct {
	URI              string            `json:"uri"`
	Entrypoint       []string          `json:"entry_point,omitempty"`
	Command          []string          `json:"command,omitempty"`
	WorkingDirectory string            `json:"working_directory,omitempty"`
	Environment      map[string]string `json:"environment,omitempty"`
	Fresh            []string          `json:"fresh,omitempty"`
}

// ReadPushed reads what was pushed before; empty if there is no file.
func ReadPushed(path string) (Pushed, error) {
	p := Pushed{}
	text, err := os.ReadFile(path)
	if err == nil {
		if err = json.Unmarshal(text, &p); err != nil {
			err = advice.Hint(fmt.Errorf("reading %s: %w", path, err), "remove it and push all variants")
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return p, err
}

// Set notes the image of a variant.
func (p *Pushed) Set(variant, arch string, img PushedImage) {
	if p.Images == nil {
		p.Images = map[string]map[string]PushedImage{}
	}
	if p.Images[variant] == nil {
		p.Images[variant] = map[string]PushedImage{}
	}
	p.Images[variant][arch] = img
}

// Write replaces the file, which only its owner may read: it may hold values of variables.
func (p Pushed) Write(path string) error {
	return atomicfile.Write(path, 0o600, func(w io.Writer) error {
		text := json.NewEncoder(w)
		text.SetIndent("", "  ")
		return text.Encode(p)
	})
}

// Fresh returns the digests that were pushed beside the image of a function.
func (p Pushed) Fresh(f *Facts) ([]string, error) {
	for _, archs := range p.Images {
		img, ok := archs[f.Arch]
		if !ok {
			continue
		}
		if slices.Contains(img.Fresh, f.ImageURI) {
			return nil, fmt.Errorf("function %s has one of the images of --redeploy, not its own", f.Ref)
		}
		if img.URI != f.ImageURI {
			continue
		}
		var digests []string
		for _, uri := range img.Fresh {
			if _, digest, ok := strings.Cut(uri, "@"); ok {
				digests = append(digests, digest)
			}
		}
		return digests, nil
	}
	return nil, fmt.Errorf("function %s has an image that bench did not push: its code is not replaced", f.Ref)
}
