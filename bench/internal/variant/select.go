package variant

import (
	"errors"
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// ErrUnknown is wrapped by the error of Select for a name that no variant has.
var ErrUnknown = errors.New("unknown variant")

// Parse reads NAME=IMAGE. NAME takes letters, digits, ".", "_" and "-" and
// begins with a letter or digit, as services' names do; IMAGE is a reference or
// an ID, and everything after the first "=".
func Parse(s string) (coldstart.Variant, error) {
	name, image, ok := strings.Cut(s, "=")
	switch {
	case !ok:
		return coldstart.Variant{}, fmt.Errorf("reading %q: want NAME=IMAGE", s)
	case !isName(name):
		return coldstart.Variant{}, fmt.Errorf("reading %q: %q is no name, want letters, digits, %q", s, name, "._-")
	case image == "" || strings.ContainsAny(image, " \t\r\n") || strings.HasPrefix(image, "-"):
		return coldstart.Variant{}, fmt.Errorf("reading %q: %q is no image, want a reference or an ID", s, image)
	}
	return coldstart.Variant{Name: name, Image: image}, nil
}

func isName(s string) bool {
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._-", r)) {
			return false
		}
	}
	return s != ""
}

// Select returns the variants named, in the order of names and each once; all
// of them where no name is given. A name that none has is an error that wraps
// ErrUnknown and lists those there are.
func Select(all []coldstart.Variant, names []string) ([]coldstart.Variant, error) {
	if len(names) == 0 {
		return all, nil
	}
	known := make(map[string]coldstart.Variant, len(all))
	list := make([]string, len(all))
	for i, v := range all {
		known[v.Name], list[i] = v, v.Name
	}
	var chosen []coldstart.Variant
	taken := map[string]bool{}
	for _, name := range names {
		v, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("%w %q, known are %s", ErrUnknown, name, strings.Join(list, ", "))
		}
		if !taken[name] {
			taken[name] = true
			chosen = append(chosen, v)
		}
	}
	return chosen, nil
}
