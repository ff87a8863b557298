package emulator

import (
	"slices"
	"testing"
)

func TestStrip(t *testing.T) {
	for _, c := range []struct {
		name string
		argv []string
		want []string
		was  bool
	}{
		{"none", []string{"/bootstrap", "--log-level"}, []string{"/bootstrap", "--log-level"}, false},
		{"nothing", nil, nil, false},
		{"official", []string{"/usr/local/bin/aws-lambda-rie", "/bootstrap"}, []string{"/bootstrap"}, true},
		{"ours", []string{"coldbench-rie", "/bootstrap", "handler"}, []string{"/bootstrap", "handler"}, true},
		{"flag and word", []string{"/rie", "--log-level", "debug", "/bootstrap"}, []string{"/bootstrap"}, true},
		{"flag=value", []string{"/rie", "--log-level=debug", "--enable-init-caching", "/bootstrap", "-x"}, []string{"/bootstrap", "-x"}, true},
		{"one dash", []string{"/rie", "-runtime-api-address", "127.0.0.1:0", "/bootstrap"}, []string{"/bootstrap"}, true},
		{"end of flags", []string{"/rie", "--", "--odd", "a"}, []string{"--odd", "a"}, true},
		{"alone", []string{"/usr/local/bin/aws-lambda-rie"}, []string{}, true},
		{"flag without its word", []string{"/rie", "--log-level"}, []string{}, true},
		{"similar name", []string{"/bin/my-aws-lambda-rie", "x"}, []string{"/bin/my-aws-lambda-rie", "x"}, false},
	} {
		before := slices.Clone(c.argv)
		got, was := Strip(c.argv)
		if !slices.Equal(got, c.want) || was != c.was {
			t.Errorf("%s: %q, %v, want %q, %v", c.name, got, was, c.want, c.was)
		}
		if !slices.Equal(c.argv, before) {
			t.Errorf("%s: the argument was changed to %q", c.name, c.argv)
		}
	}
}
