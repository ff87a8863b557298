package lambdalog

import (
	"errors"
	"fmt"
	"strings"
)

// What a SyntaxError wraps.
var (
	// ErrTruncated means that the text ends within a name, a number or a unit.
	ErrTruncated = errors.New("cut off")
	// ErrNumber means that a value is no plain, finite, not negative decimal.
	ErrNumber = errors.New("not a number from 0 up")
	// ErrUnit means that a number's unit is missing or another one.
	ErrUnit = errors.New("unit missing or wrong")
	// ErrDuplicate means that a name occurs twice.
	ErrDuplicate = errors.New("given twice")
	// ErrText means text where a field was expected.
	ErrText = errors.New("unexpected text")
	// ErrJSON means that an event is no valid JSON, or of a wrong type.
	ErrJSON = errors.New("not the JSON of an event")
)

var (
	// ErrNoEvent is returned by Parse and ParseReport for text without such a line.
	ErrNoEvent = errors.New("no such log line")
	// ErrNotFound is wrapped by FindReport's error for a log without the REPORT.
	ErrNotFound = errors.New("no REPORT of the request")
)

// SyntaxError says what is wrong with a line and where.
type SyntaxError struct {
	// Offset counts bytes from the start of the text; in a line that was quoted in
	// JSON, from the start of the unquoted line.
	Offset int
	// Key is the field, "Init Duration" or "initDurationMs"; empty outside a value.
	Key string
	// Text is the offending text, shortened.
	Text string
	// Err is one of the errors above up to ErrJSON.
	Err error
}

// Error says the position first.
func (e *SyntaxError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("byte %d: %q: %v", e.Offset, e.Text, e.Err)
	}
	return fmt.Sprintf("byte %d: %s %q: %v", e.Offset, e.Key, e.Text, e.Err)
}

// Unwrap returns Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// syntax makes a SyntaxError that shows s from at on.
func syntax(s string, at int, key string, err error) *SyntaxError {
	const most = 32
	text := s[at:min(len(s), at+most)]
	if n := strings.IndexAny(text, "\t\n"); n >= 0 {
		text = text[:n]
	}
	return &SyntaxError{Offset: at, Key: key, Text: text, Err: err}
}
