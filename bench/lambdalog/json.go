package lambdalog

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep JSON may be nested; Lambda's events are 5 deep.
const maxDepth = 100

// member is a member of a JSON object: its name, and where its value stands.
type member struct {
	key      string
	at, end  int
	str      bool
	compound bool
}

// members reads the JSON object at s[at:], which is a brace. With an error it
// returns the members in front of it.
func members(s string, at, depth int) (list []member, end int, err error) {
	if depth > maxDepth {
		return nil, at, syntax(s, at, "", ErrJSON)
	}
	i := blank(s, at+1)
	if i < len(s) && s[i] == '}' {
		return nil, i + 1, nil
	}
	for {
		keyEnd, err := skipString(s, i)
		if err != nil {
			return list, i, err
		}
		key := unquote(s[i:keyEnd])
		i = blank(s, keyEnd)
		if i >= len(s) || s[i] != ':' {
			return list, i, jsonError(s, i)
		}
		i = blank(s, i+1)
		m := member{key: key, at: i}
		if m.end, err = skipValue(s, i, depth+1); err != nil {
			return list, i, err
		}
		m.str, m.compound = s[i] == '"', s[i] == '{' || s[i] == '['
		list = append(list, m)
		i = blank(s, m.end)
		switch {
		case i < len(s) && s[i] == '}':
			return list, i + 1, nil
		case i < len(s) && s[i] == ',':
			i = blank(s, i+1)
		default:
			return list, i, jsonError(s, i)
		}
	}
}

// elements calls visit with the offsets of each element of the JSON array at
// s[at:], which is a bracket.
func elements(s string, at, depth int, visit func(at, end int)) (end int, err error) {
	if depth > maxDepth {
		return at, syntax(s, at, "", ErrJSON)
	}
	i := blank(s, at+1)
	if i < len(s) && s[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := skipValue(s, i, depth+1)
		if err != nil {
			return i, err
		}
		if visit != nil {
			visit(i, end)
		}
		i = blank(s, end)
		switch {
		case i < len(s) && s[i] == ']':
			return i + 1, nil
		case i < len(s) && s[i] == ',':
			i = blank(s, i+1)
		default:
			return i, jsonError(s, i)
		}
	}
}

// skipValue returns the end of the JSON value at s[at:].
func skipValue(s string, at, depth int) (end int, err error) {
	if at >= len(s) {
		return at, jsonError(s, at)
	}
	switch c := s[at]; {
	case c == '{':
		_, end, err = members(s, at, depth)
		return end, err
	case c == '[':
		return elements(s, at, depth, nil)
	case c == '"':
		return skipString(s, at)
	case c == '-' || digit(c):
		return skipNumber(s, at)
	}
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s[at:], w) {
			return at + len(w), nil
		}
	}
	return at, jsonError(s, at)
}

// skipString returns the end of the JSON string at s[at:].
func skipString(s string, at int) (end int, err error) {
	if at >= len(s) || s[at] != '"' {
		return at, jsonError(s, at)
	}
	for i := at + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case c < ' ':
			return at, syntax(s, i, "", ErrJSON)
		case c == '\\':
			i++
			if i < len(s) && s[i] == 'u' {
				for n := 0; n < 4; n++ {
					i++
					if i >= len(s) || !digit(s[i]) && (s[i]|0x20 < 'a' || s[i]|0x20 > 'f') {
						return at, jsonError(s, min(i, len(s)))
					}
				}
			} else if i < len(s) && strings.IndexByte(`"\/bfnrt`, s[i]) < 0 {
				return at, syntax(s, i, "", ErrJSON)
			}
		}
	}
	return at, syntax(s, at, "", ErrTruncated)
}

// skipNumber returns the end of the JSON number at s[at:].
func skipNumber(s string, at int) (end int, err error) {
	i := at
	if s[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(s) && digit(s[i]) {
			i++
		}
		return i > from
	}
	switch {
	case i < len(s) && s[i] == '0':
		i++
	case !digits():
		return at, jsonError(s, i)
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return at, jsonError(s, i)
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return at, jsonError(s, i)
		}
	}
	return i, nil
}

func jsonError(s string, at int) *SyntaxError {
	if at >= len(s) {
		return syntax(s, len(s), "", ErrTruncated)
	}
	return syntax(s, at, "", ErrJSON)
}

// blank returns the offset of the first byte at or behind at that is not JSON's
// white space.
func blank(s string, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == '\t' || s[at] == '\n' || s[at] == '\r') {
		at++
	}
	return at
}

// unquote returns the text of a JSON string that skipString has passed.
func unquote(quoted string) string {
	text := quoted[1 : len(quoted)-1]
	if strings.IndexByte(text, '\\') < 0 && utf8.ValidString(text) {
		return text
	}
	var out string
	if json.Unmarshal([]byte(quoted), &out) != nil {
		return text
	}
	return out
}

// quote returns text as a JSON string, without the escapes that are for HTML.
func quote(b []byte, text string) []byte {
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r < ' ':
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		case r == utf8.RuneError:
			// Also what stands for bytes that are no UTF-8.
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// jsonNumber reads a metric. null is a value that is not there.
func jsonNumber(s string, m member) (*float64, error) {
	text := s[m.at:m.end]
	if text == "null" {
		return nil, nil
	}
	if !digit(text[0]) {
		return nil, syntax(s, m.at, m.key, ErrNumber)
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, syntax(s, m.at, m.key, ErrNumber)
	}
	return &v, nil
}

// jsonString reads a member that AWS gives as a string. null is one that is not
// there.
func jsonString(s string, m member) (string, error) {
	switch {
	case s[m.at:m.end] == "null":
		return "", nil
	case !m.str:
		return "", syntax(s, m.at, m.key, ErrJSON)
	}
	return unquote(s[m.at:m.end]), nil
}

// field returns a member that is not known, its JSON without white space.
func field(s string, m member, in Place) Field {
	if m.str {
		return Field{Key: m.key, Value: unquote(s[m.at:m.end]), In: in}
	}
	return Field{Key: m.key, Value: compact(s[m.at:m.end]), In: in, Literal: true}
}

// compact takes the white space out of valid JSON.
func compact(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	b := make([]byte, 0, len(s))
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\\':
			b = append(b, c)
			i++
			c = s[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		b = append(b, c)
	}
	return string(b)
}
