package awslambda

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// A function gets the images that its run began with, then those that it never had.
func TestRedeployableImages(t *testing.T) {
	ref := Ref{Name: "fn"}
	one := Selection{Variant: "v", Arch: "amd64", Ref: ref, Service: &coldstart.Variant{Name: "v"}, Fresh: []string{"1", "2", "3", "4"}}
	one.Rehearsed.ID = "own"
	pushed := PushedTo("host/repository", []Selection{one, {Variant: "zip", Arch: "amd64"}})
	for name, c := range map[string]struct {
		selected  []Selection
		image     string
		number    int
		want      map[Ref][]string
		err, hint string
	}{
		"enough":         {[]Selection{one}, "own", 2, map[Ref][]string{ref: {"1", "3", "4"}}, "", ""},
		"too few":        {[]Selection{one}, "own", 4, map[Ref][]string{}, "2 images that it never had, 3 are needed", "bench images push --fresh 3 v"},
		"not bench's":    {[]Selection{one}, "other", 2, map[Ref][]string{}, "bench did not push", "bench images push --fresh 2 v, then make deploy"},
		"named twice":    {[]Selection{one, one}, "own", 2, nil, "named twice", ""},
		"no such":        {[]Selection{{Ref: Ref{Name: "none"}}}, "own", 2, map[Ref][]string{}, "", ""},
		"one of the new": {[]Selection{one}, "4", 2, map[Ref][]string{}, "has one of the images", "bench images push"},
	} {
		facts := &Facts{Ref: ref, Arch: "amd64", ImageURI: "host/repository@" + c.image}
		inventory := &Inventory{Functions: map[Ref]*Facts{ref: facts}, Errors: map[Ref]error{}}
		got, err := Redeployable{
			Number: c.number, Pushed: pushed, File: "pushed.json", Gone: map[string]map[string]bool{"fn": {"2": true}},
			Begun: func(variant, arch string) ([]string, int) { return []string{"1"}, 1 },
		}.Images(inventory, c.selected)
		if !reflect.DeepEqual(got, c.want) || (got == nil) != advice.IsUsage(err) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
		if err = errors.Join(err, inventory.Errors[ref]); c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want %q", name, err, c.err)
		}
		if hint := advice.HintOf(err); !strings.HasPrefix(hint, c.hint) {
			t.Errorf("%s: hint %q, want %q", name, hint, c.hint)
		}
	}
}

func TestJournalDir(t *testing.T) {
	for _, c := range []struct{ state, home, want string }{
		{"/state", "/home/me", "/state/coldbench/aws"},
		{"relative", "/home/me", "/home/me/.local/state/coldbench/aws"},
		{"", "", "/project/.build/aws-journal"},
	} {
		getenv := func(key string) string { return map[string]string{"XDG_STATE_HOME": c.state, "HOME": c.home}[key] }
		if got := JournalDir(getenv, "/project"); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
