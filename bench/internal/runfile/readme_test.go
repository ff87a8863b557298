package runfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// records are the types of the records of a run file, by the headings of the README.
var records = map[string]any{
	typeRun: Header{}, typeSample: Sample{}, typeReject: Reject{}, typeFailure: Failure{},
	typeDeploy: Deployed{}, typeResume: Resumed{}, typeEnd: End{},
}

// fieldsOf lists the JSON fields of a record, those of an object behind its name
// and a dot, those of a list of objects behind its name and [].
func fieldsOf(t *testing.T, of reflect.Type, prefix string) []string {
	var list []string
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if f.Anonymous && name == "" {
			list = append(list, fieldsOf(t, f.Type, prefix)...)
			continue
		}
		if name == "" {
			t.Errorf("%v.%s has no JSON name", of, f.Name)
		}
		name = prefix + name
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct {
			inner, name = inner.Elem(), name+"[]"
		}
		if inner.Kind() == reflect.Struct && !inner.Implements(reflect.TypeFor[json.Marshaler]()) {
			list = append(list, fieldsOf(t, inner, name+".")...)
		} else {
			list = append(list, name)
		}
	}
	return list
}

// TestReadmeNamesEveryField: results/README.md explains each field of a run file and
// no other, record by record.
func TestReadmeNamesEveryField(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "results", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	field := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .*[a-z]")
	for name, record := range records {
		_, rest, ok := strings.Cut(string(text), "\n### `"+name+"`")
		if !ok {
			t.Errorf("no section of record %q", name)
			continue
		}
		section, _, _ := strings.Cut(rest, "\n##")
		var named []string
		for _, m := range field.FindAllStringSubmatch(section, -1) {
			named = append(named, m[1])
		}
		want := fieldsOf(t, reflect.TypeOf(record), "")
		for _, f := range want {
			if !slices.Contains(named, f) {
				t.Errorf("%s: no row of field %s", name, f)
			}
		}
		for i, f := range named {
			if !slices.Contains(want, f) {
				t.Errorf("%s: no such field: %s", name, f)
			}
			if slices.Contains(named[:i], f) {
				t.Errorf("%s: two rows of field %s", name, f)
			}
		}
	}
}
