package runtimeapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StarterConn is a connection to images/start.
type StarterConn interface {
	io.ReadWriter
	SetDeadline(t time.Time) error
}

// Starter is the emulator's end of the connection to images/start, which describes it.
type Starter struct {
	// Notes are what start said about the environment that is worth a warning.
	Notes []string

	conn  StarterConn
	lines *bufio.Reader
}

// NewStarter returns the emulator's end of a connection.
func NewStarter(conn StarterConn) *Starter {
	return &Starter{conn: conn, lines: bufio.NewReaderSize(conn, 512)}
}

// StartError is what images/start said went wrong.
type StartError struct {
	Errno syscall.Errno
	// Text ends with the words for the error number.
	Text string
}

// Error returns start's words.
func (e *StartError) Error() string { return e.Text }

// Unwrap returns the error number.
func (e *StartError) Unwrap() error { return e.Errno }

// Ready sends the description of the environment, if any, and waits until start is ready.
// The error wraps a StartError if that can't be.
func (s *Starter) Ready(ctx context.Context, description []byte) error {
	return s.during(ctx, func() error {
		if len(description) > 0 {
			if _, err := s.conn.Write(description); err != nil {
				return fmt.Errorf("describing the environment to images/start: %w", err)
			}
		}
		for {
			line, err := s.line()
			if err != nil {
				return fmt.Errorf("waiting for images/start: %w", err)
			}
			note, noted := strings.CutPrefix(line, "note ")
			switch failure, failed := startError(line); {
			case failed:
				return fmt.Errorf("images/start: %w", failure)
			case line == "ready":
				return nil
			case !noted:
				return fmt.Errorf("images/start said %.80q instead of ready", line)
			}
			s.Notes = append(s.Notes, note)
		}
	})
}

// Exec lets start execute the entrypoint, or start the extensions. The error wraps
// ErrInvalidEntrypoint if that is impossible.
func (s *Starter) Exec(ctx context.Context) (started Started, err error) {
	err = s.during(ctx, func() error {
		_, unsent := io.WriteString(s.conn, "go\n")
		line, err := s.line() // what was said before a hang-up can still be read
		switch {
		case err != nil && unsent != nil:
			return fmt.Errorf("releasing images/start: %w", unsent)
		case err != nil:
			return fmt.Errorf("waiting for execve: %w", err)
		}
		if failure, failed := startError(line); failed {
			return fmt.Errorf("%w: %w", ErrInvalidEntrypoint, failure)
		}
		if started, err = parseStarted(line); err != nil || len(started.Extensions) > 0 {
			return err // with extensions start stays
		}
		// The connection ends with a successful execve.
		line, err = s.line()
		failure, failed := startError(line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("waiting for execve: %w", err)
		case failed:
			return fmt.Errorf("%w: %w", ErrInvalidEntrypoint, failure)
		}
		return fmt.Errorf("images/start said %.80q after exec", line)
	})
	return started, err
}

// Supervise reads what start says until the runtime and the extensions end. It calls exited
// if the runtime ends, and outOfMemory about an extension that was killed.
func (s *Starter) Supervise(extensions []string, exited func(Exit), outOfMemory func() bool) *Supervision {
	v := &Supervision{
		names: extensions, conn: s.conn,
		// Nobody is held up who does not read: an extension ends once.
		ended:  make(chan ExtensionEnd, len(extensions)),
		answer: make(chan error, 1),
	}
	go func() {
		defer close(v.ended)
		err := v.read(s, exited, outOfMemory)
		v.reply(fmt.Errorf("waiting for the runtime to start: %w", err))
	}()
	return v
}

// during runs f, whose reading and writing end when ctx does.
func (s *Starter) during(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() && err != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// line reads a line without its end. An end before anything was read is io.EOF, also if
// start's death has reset the connection.
func (s *Starter) line() (string, error) {
	line, err := s.lines.ReadString('\n')
	if errors.Is(err, syscall.ECONNRESET) {
		err = io.EOF
	}
	if err == io.EOF && line != "" {
		err = io.ErrUnexpectedEOF
	}
	return strings.TrimSuffix(line, "\n"), err
}

// startError reads "error ERRNO TEXT".
func startError(line string) (*StartError, bool) {
	rest, ok := strings.CutPrefix(line, "error ")
	number, text, ok2 := strings.Cut(rest, " ")
	errno, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil {
		return nil, false
	}
	return &StartError{syscall.Errno(errno), text}, true
}

// parseStarted reads "exec CLOCK NAME/NAME": no file name has a slash.
func parseStarted(line string) (Started, error) {
	fields := strings.SplitN(line, " ", 3)
	if len(fields) < 2 || fields[0] != "exec" {
		return Started{}, fmt.Errorf("images/start said %.80q instead of exec", line)
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil || ns <= 0 {
		return Started{}, fmt.Errorf("images/start said %.80q: not a clock reading", line)
	}
	s := Started{ClockNs: ns}
	if len(fields) == 3 && fields[2] != "" {
		s.Extensions = strings.Split(fields[2], "/")
	}
	return s, nil
}
