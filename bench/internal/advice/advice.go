// Package advice carries what a person can do: the remedy of an error, and what
// bench doctor found out about this machine.
package advice

import "errors"

// Severity says how much a finding matters.
type Severity string

// The severities of a finding: OK is a check that passed, Note something to
// know, Warning something that costs accuracy, Problem something that stops a
// run.
const (
	OK      Severity = "ok"
	Note    Severity = "note"
	Warning Severity = "warning"
	Problem Severity = "problem"
)

// Finding is something a package found out about this machine.
type Finding struct {
	Severity Severity
	// Subject is what was looked at ("docker engine"), Text what was found,
	// Hint what to type about it; Hint may be empty.
	Subject, Text, Hint string
}

// hinted is an error with a remedy that is printed on a line of its own.
type hinted struct {
	error
	hint string
}

// Unwrap returns the error that the hint is for.
func (h *hinted) Unwrap() error { return h.error }

// Hint attaches a remedy to an error: what to type. It returns nil for nil.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hinted{err, hint}
}

// HintOf returns the outermost remedy that err carries, or "".
func HintOf(err error) string {
	if h := new(hinted); errors.As(err, &h) {
		return h.hint
	}
	return ""
}

// usage is an error in how a command was called.
type usage struct{ error }

// Unwrap returns the marked error.
func (u *usage) Unwrap() error { return u.error }

// Usage marks an error as one in how a command was called. It returns nil for nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return &usage{err}
}

// IsUsage reports whether Usage marked err.
func IsUsage(err error) bool { return errors.As(err, new(*usage)) }
