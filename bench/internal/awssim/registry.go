package awssim

import (
	"strings"

	"coldbench/bench/internal/coldstart"
)

// remember keeps an image that may be deployed again. The lock is held.
func (s *Server) remember(c configuration) {
	if c.image.Root != "" && !c.zip {
		s.registry[c.codeSHA256] = c
	}
}

// image finds an image that a function has or had, by name or digest, or in Options.Images.
func (s *Server) image(uri string) (coldstart.Image, error) {
	s.mu.Lock()
	for _, c := range s.registry {
		if c.imageURI == uri || strings.HasSuffix(uri, "@sha256:"+c.codeSHA256) {
			s.mu.Unlock()
			return c.image, nil
		}
	}
	s.mu.Unlock()
	if s.o.Images == nil {
		return coldstart.Image{}, complain("Source image %s does not exist. Provide a valid source image.", uri)
	}
	img, err := s.o.Images(s.ctx, uri)
	if err != nil {
		return img, complain("Source image %s does not exist. Provide a valid source image. (%v)", uri, err)
	}
	return img, nil
}
