package plan

import (
	"slices"
	"testing"
)

func TestWithControl(t *testing.T) {
	variant := func(s *string) *string { return s }
	for _, c := range []struct {
		configs  []string
		baseline string
		want     []string
		name     string
	}{
		{[]string{"a", "b", "a"}, "", []string{"a", "b", "a", "a-control", "a-control"}, "a-control"},
		{[]string{"a", "b"}, "b", []string{"a", "b", "b-control"}, "b-control"},
		{[]string{"a", "a-control"}, "", nil, ""},
	} {
		got, name, err := WithControl(slices.Clip(c.configs), c.baseline, variant)
		if !slices.Equal(got, c.want) || name != c.name || (err != nil) != (c.want == nil) {
			t.Errorf("%+v: %q, %q, %v", c, got, name, err)
		}
	}
}
