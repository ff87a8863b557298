package variant

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, name, image, err string }{
		{"mine=ghcr.io/me/f:1", "mine", "ghcr.io/me/f:1", ""},
		{"A1.b_c-d=sha256:0123", "A1.b_c-d", "sha256:0123", ""},
		{"x=a=b", "x", "a=b", ""},
		{"mine", "", "", "want NAME=IMAGE"},
		{"=image", "", "", "is no name"},
		{"-x=image", "", "", "is no name"},
		{"a b=image", "", "", "is no name"},
		{"é=image", "", "", "is no name"},
		{"mine=", "", "", "is no image"},
		{"mine=a b", "", "", "is no image"},
		{"mine=--privileged", "", "", "is no image"},
	} {
		v, err := Parse(c.in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || v.Name != "" {
				t.Errorf("Parse(%q) = %+v, %v, want an error with %q", c.in, v, err, c.err)
			}
			continue
		}
		if err != nil || v.Name != c.name || v.Image != c.image || v.Build != nil {
			t.Errorf("Parse(%q) = %+v, %v", c.in, v, err)
		}
	}
}
