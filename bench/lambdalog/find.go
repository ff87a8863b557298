package lambdalog

import (
	"fmt"
	"strings"
)

// FindReport returns the REPORT of exactly the given request in a log, and the
// text that it was read from, which parses to the same Report. Where the log
// has several of the request, it is the last: Lambda writes its own when the
// function can print no more.
//
// The error wraps ErrNotFound where the log has none of that request, and is a
// *SyntaxError where the last one can't be read; no other request's REPORT and
// no earlier one is returned in its place. Its Offset counts from the word
// REPORT.
func FindReport(log, requestID string) (r Report, raw string, err error) {
	var found Event
	if requestID != "" && strings.Contains(log, requestID) {
		s := NewScanner(strings.NewReader(log))
		for s.Scan() {
			if e := s.Event(); e.Kind == KindReport && e.RequestID == requestID {
				found = e
			}
		}
		// The reader of a string has no errors.
	}
	switch {
	case found.Kind == "":
		return Report{}, "", fmt.Errorf("reading the log of %q: %w", requestID, ErrNotFound)
	case found.Err != nil:
		return Report{}, "", fmt.Errorf("reading the REPORT of %q: %w", requestID, found.Err)
	}
	return *found.Report, found.Raw, nil
}
