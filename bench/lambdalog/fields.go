package lambdalog

import (
	"slices"
	"strings"
)

// fields are what stands behind the first word of a line.
type fields struct {
	seen keySet
	// num is apart: what is read points into it. It is nil before the first number.
	num *[numbers + 1]float64
	// text holds the values of the keys that are no numbers.
	text  [keyEnd]string
	xray  *XRay
	extra []Field
}

func (f *fields) put(k key, v float64) {
	if f.num == nil {
		f.num = new([numbers + 1]float64)
	}
	f.num[k] = v
	f.seen |= 1 << k
}

func (f *fields) get(k key) *float64 {
	if !f.seen.has(k) {
		return nil
	}
	return &f.num[k]
}

// read reads the fields at s[at:] up to the end of s, a closing character, or a line
// that does not belong to them, and returns where they end.
func (f *fields) read(s string, at int, set keySet) (end int, err error) {
	for first := true; ; first = false {
		g := skip(s, at)
		if g.end == len(s) {
			return g.end, nil
		}
		c := s[g.end]
		k, value := matchKey(s, g.end, set)
		if g.newline && !first && !f.goesOn(s, g, k, value) {
			return lineEnd(s, at), nil
		}
		switch {
		case k != keyNone && f.seen.has(k):
			return at, syntax(s, g.end, names[k], ErrDuplicate)
		case k != keyNone:
			at, err = f.value(s, value, k, set)
		case digit(c) || c == '-' || c == '+' || c == '.':
			return at, syntax(s, g.end, "", ErrText)
		case !letter(c):
			return g.end, nil
		default:
			at, err = f.unknown(s, g, set)
		}
		if err != nil {
			return at, err
		}
	}
}

// goesOn says whether the text behind a line's end is part of the same event: the
// XRAY line, or wrapped text, but not what a function prints after its REPORT.
func (f *fields) goesOn(s string, g gap, k key, value int) bool {
	if k == keyNone || f.seen.has(k) {
		return false
	}
	next := skip(s, value).end
	switch {
	case k == keyTraceID:
		return true
	case g.done && f.seen.has(keyMaxMemory), k == keyRequestID:
		return false
	case k <= numbers:
		return next < len(s) && digit(s[next])
	case k == keyStatus:
		return slices.Contains(statuses[:], s[next:wordEnd(s, next)])
	case k == keyErrorType:
		return f.seen.has(keyStatus) && strings.Contains(s[next:wordEnd(s, next)], ".")
	}
	return f.seen.has(keyTraceID) || k == keyPhase
}

// value reads the value of a known key. A value that is not there is left out.
func (f *fields) value(s string, at int, k key, set keySet) (end int, err error) {
	g := skip(s, at)
	if g.end == len(s) {
		// A line's end says that nothing was to follow.
		if g.tab || g.newline {
			return at, nil
		}
		return at, syntax(s, at, names[k], ErrTruncated)
	}
	if s[g.end] == '"' {
		return g.end, nil
	}
	if other, _ := matchKey(s, g.end, set); other != keyNone {
		return at, nil
	}
	if k <= numbers {
		v, end, err := readNumber(s, g.end, k)
		if err != nil {
			return at, err
		}
		f.put(k, v)
		return end, nil
	}
	// Only a wrapped request id is looked for on the next line.
	if g.newline && k != keyRequestID {
		return at, nil
	}
	end = wordEnd(s, g.end)
	if end == g.end {
		return end, nil
	}
	text := s[g.end:end]
	if end == len(s) {
		whole, err := wholeWord(text, k)
		if err != nil {
			return at, syntax(s, g.end, names[k], err)
		}
		if !whole {
			return end, nil
		}
	}
	if k == keySampled && text != "true" && text != "false" {
		return at, syntax(s, g.end, names[k], ErrText)
	}
	f.text[k] = text
	f.seen |= 1 << k
	return end, nil
}

// wholeWord judges a word at the very end of the text, where nothing shows that
// it is not the beginning of a longer one. An error means that it is cut off
// and that leaving it out would change what the line says.
func wholeWord(text string, k key) (whole bool, err error) {
	switch k {
	case keyRequestID:
		if !uuid(text) {
			return false, ErrTruncated
		}
	case keyStatus:
		return cutOf(text, statuses[:])
	case keyErrorType:
		return cutOf(text, errorTypes[:])
	case keyPhase:
		return cutOf(text, phases[:])
	case keySampled:
		return text == "true" || text == "false", nil
	case keyTraceID, keySegmentID:
		return false, nil
	}
	return true, nil
}

// cutOf says whether text is a beginning of one of the words and none of them.
func cutOf(text string, words []string) (whole bool, err error) {
	for _, w := range words {
		if w == text {
			return true, nil
		}
		if strings.HasPrefix(w, text) {
			err = ErrTruncated
		}
	}
	return err == nil, err
}

// The words that AWS uses; the error types are an open set.
var (
	phases     = [...]string{"init", "invoke", "snap-start"}
	statuses   = [...]string{"success", "failure", "error", "timeout"}
	errorTypes = [...]string{
		"Runtime.ExitError", "Runtime.OutOfMemory", "Runtime.InvalidEntrypoint", "Runtime.InvalidWorkingDir",
		"Runtime.ImportModuleError", "Runtime.BadFunctionCode", "Runtime.Unknown", "Runtime.TruncatedResponse",
		"Runtime.InvalidResponseModeHeader", "Runtime.HandlerNotFound", "Runtime.MalformedHandlerName",
		"Runtime.UserCodeSyntaxError", "Function.ResponseSizeTooLarge", "Function.Unknown",
		"Extension.Crash", "Extension.ExitError", "Extension.InitError", "Extension.LaunchError",
		"Sandbox.Failure", "Sandbox.Timedout",
	}
)

// uuid says whether text has the form of a request id.
func uuid(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if c := text[i] | 0x20; dash != (text[i] == '-') || !dash && !digit(text[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// unknown reads a field of an unknown name. Its value goes to the next tab or line's
// end, or in a line of blanks to the next known name.
func (f *fields) unknown(s string, g gap, set keySet) (end int, err error) {
	colon := -1
	end = g.end
	for end < len(s) && s[end] != '"' {
		n, c := separator(s, end)
		if n > 0 && c != ' ' {
			break
		}
		if s[end] == ':' && colon < 0 {
			colon = end
		}
		if n > 0 && colon >= 0 && !g.tab {
			if k, _ := matchKey(s, end+n, set); k != keyNone {
				break
			}
		}
		end += max(n, 1)
	}
	if colon < 0 {
		if cutKey(s, g.end, set) {
			return end, syntax(s, g.end, "", ErrTruncated)
		}
		return end, syntax(s, g.end, "", ErrText)
	}
	f.extra = append(f.extra, Field{Key: trim(s[g.end:colon]), Value: trim(s[colon+1 : end])})
	return end, nil
}

func trim(s string) string {
	return strings.TrimRight(s[skip(s, 0).end:], " \t\r\n\u00a0")
}

// lineEnd returns the offset behind the first line's end at or behind at.
func lineEnd(s string, at int) int {
	for at < len(s) {
		n, c := separator(s, at)
		if n == 0 {
			return at
		}
		at += n
		if c == '\n' {
			return at
		}
	}
	return at
}
