package lambdalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxDepth is how deep JSON may be nested; Lambda's events are 5 deep.
const maxDepth = 100

// value is a JSON value and where it stands in a text.
type value struct {
	at, end int
	// kind is '{', '[' or '"', and 0 for a number, true, false or null.
	kind rune
	// text is what a string holds.
	text string
	// members are those of an object; an array's elements have no names.
	members []member
}

type member struct {
	name string
	value
}

// decoder reads the JSON in s that begins at s[at:].
type decoder struct {
	*json.Decoder
	s  string
	at int
}

// decode reads the JSON value at s[at:]. With an error it returns what stands in
// front of it.
func decode(s string, at int) (value, error) {
	d := decoder{json.NewDecoder(strings.NewReader(s[at:])), s, at}
	d.UseNumber()
	return d.value(0)
}

func (d decoder) value(depth int) (value, error) {
	v := value{at: d.next()}
	token, err := d.Token()
	if err != nil {
		return v, d.fault(err)
	}
	switch t := token.(type) {
	case string:
		v.kind, v.text = '"', t
	case json.Delim:
		v.kind = rune(t)
		if depth == maxDepth {
			return v, syntax(d.s, v.at, "", ErrJSON)
		}
		for d.More() {
			var m member
			if v.kind == '{' {
				name, err := d.Token()
				if err != nil {
					return v, d.fault(err)
				}
				m.name = name.(string)
			}
			if m.value, err = d.value(depth + 1); err != nil {
				return v, err
			}
			v.members = append(v.members, m)
		}
		if _, err := d.Token(); err != nil {
			return v, d.fault(err)
		}
	}
	v.end = d.at + int(d.InputOffset())
	return v, nil
}

// next returns where the next token begins.
func (d decoder) next() int {
	at := d.at + int(d.InputOffset())
	for at < len(d.s) && strings.IndexByte(" \t\r\n:,", d.s[at]) >= 0 {
		at++
	}
	return at
}

func (d decoder) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return syntax(d.s, len(d.s), "", ErrTruncated)
	}
	return syntax(d.s, d.next(), "", ErrJSON)
}

// once returns an error where a name occurs twice.
func (v value) once(s string) error {
	seen := make(map[string]bool, len(v.members))
	for _, m := range v.members {
		if seen[m.name] {
			return syntax(s, m.at, m.name, ErrDuplicate)
		}
		seen[m.name] = true
	}
	return nil
}

// null says whether the value is not there.
func (v value) null(s string) bool { return s[v.at:v.end] == "null" }

// field returns a member that is not known, its JSON without white space.
func (m member) field(s string, in Place) Field {
	if m.kind == '"' {
		return Field{Key: m.name, Value: m.text, In: in}
	}
	return Field{Key: m.name, Value: compact(s[m.at:m.end]), In: in, Literal: true}
}

// blank returns the offset of the first byte at or behind at that is not JSON's
// white space.
func blank(s string, at int) int {
	return len(s) - len(strings.TrimLeft(s[at:], " \t\r\n"))
}

// compact takes the white space out of valid JSON.
func compact(s string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return s
	}
	return b.String()
}

// quote returns text as a JSON string, without the escapes that are for HTML.
func quote(text string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return `""`
	}
	return strings.TrimSuffix(out.String(), "\n")
}
