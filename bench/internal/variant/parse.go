package variant

import (
	"fmt"
	"regexp"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// Parse reads NAME=IMAGE. NAME takes letters, digits, ".", "_" and "-" and
// begins with a letter or digit, as services' names do; IMAGE is a reference or
// an ID, and everything after the first "=".
func Parse(s string) (coldstart.Variant, error) {
	isName := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	name, image, ok := strings.Cut(s, "=")
	switch {
	case !ok:
		return coldstart.Variant{}, fmt.Errorf("reading %q: want NAME=IMAGE", s)
	case !isName.MatchString(name):
		return coldstart.Variant{}, fmt.Errorf("reading %q: %q is no name, want letters, digits, %q", s, name, "._-")
	case image == "" || strings.ContainsAny(image, " \t\r\n") || strings.HasPrefix(image, "-"):
		return coldstart.Variant{}, fmt.Errorf("reading %q: %q is no image, want a reference or an ID", s, image)
	}
	return coldstart.Variant{Name: name, Image: image}, nil
}
