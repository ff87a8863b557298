package runfile

import (
	"errors"
	"fmt"
	"strings"
)

// LineError is the error of a line that is no record.
type LineError struct {
	// Line counts from 1.
	Line int
	Err  error
}

// Error says which line, and what is wrong with it.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// errNoHeader is what is wrong with a file that is empty or of another kind.
var errNoHeader = fmt.Errorf("no header: %w", ErrNotRun)

// AnnotateError says in which file an error of reading is: "FILE:3: what", as compilers do
// and editors understand, where the error knows its line.
func AnnotateError(name string, err error) error {
	var at *LineError
	if errors.As(err, &at) {
		return fmt.Errorf("%s:%d: %w", name, at.Line, at.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// AnnotateWarning says in which file one of Run.Warnings is, in the form of AnnotateError.
func AnnotateWarning(name, warning string) string {
	if rest, ok := strings.CutPrefix(warning, "line "); ok {
		if n, what, ok := strings.Cut(rest, ": "); ok && strings.Trim(n, "0123456789") == "" {
			return name + ":" + n + ": " + what
		}
	}
	return name + ": " + warning
}
