package advice

import "errors"

// usage is an error in how a command was called.
type usage struct{ error }

// Unwrap returns the error as it was.
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
