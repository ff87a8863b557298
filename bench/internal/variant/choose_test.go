package variant

import (
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
)

func TestChoose(t *testing.T) {
	names := []string{"b", "a"}
	byName := map[string][]string{"a": {"a1"}, "b": {"b1", "b2"}}
	parse := func(arg string) (string, error) {
		v, err := Parse(arg)
		return v.Image, err
	}
	for _, c := range []struct {
		args, want []string
		err        string
	}{
		{nil, []string{"b1", "b2", "a1"}, ""},
		{[]string{"a", "b"}, []string{"a1", "b1", "b2"}, ""},
		{[]string{"x=image", "a"}, []string{"image", "a1"}, ""},
		{[]string{"c"}, nil, `no variant "c"; the compose file has b, a`},
		{[]string{"a", "a"}, nil, `variant "a" is named twice`},
		{[]string{"a", "a=image"}, nil, `variant "a" is named twice`},
		{[]string{"a="}, nil, "is no image"},
	} {
		got, err := Choose(c.args, names, byName, parse)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || !advice.IsUsage(err) || got != nil {
				t.Errorf("%q: %q, %v, want the usage error %q", c.args, got, err, c.err)
			}
		} else if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v, want %q", c.args, got, err, c.want)
		}
	}
}

// Arguments that name no service need no compose file.
func TestSelectReadsNoFileForImages(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	if list, err := Select(t.Context(), o, []string{"x=image"}); err != nil || len(list) != 1 || list[0].Image != "image" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := Select(t.Context(), o, []string{"x=image", "y"}); err == nil || advice.IsUsage(err) {
		t.Errorf("without a compose file: %v", err)
	}
	if _, err := Select(t.Context(), o, []string{"y", "x="}); !advice.IsUsage(err) {
		t.Errorf("a wrong argument without a compose file: %v", err)
	}
}
