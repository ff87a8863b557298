package runtimeapi

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// Supervision is the emulator's side of the connection to images/start in an environment
// with external extensions, from the line "exec" on.
type Supervision struct {
	names []string
	ended chan ExtensionEnd
	// answer is what start said to "run": nil, or why there is no runtime.
	answer chan error

	mu   sync.Mutex
	conn io.Writer
}

// read returns why it stopped.
func (s *Supervision) read(start *Starter, exited func(Exit), outOfMemory func() bool) error {
	seen := make([]bool, len(s.names)+1)
	for {
		line, err := start.line()
		if err != nil {
			return err
		}
		if line == "running" {
			s.reply(nil)
			continue
		}
		if failure, failed := startError(line); failed {
			s.reply(fmt.Errorf("%w: %w", ErrInvalidEntrypoint, failure))
			continue
		}
		n, end, err := parseEnd(line)
		if err != nil {
			return err
		}
		if n > len(s.names) || seen[n] {
			return fmt.Errorf("images/start said %.80q, which names no program that runs", line)
		}
		seen[n] = true
		if n == 0 {
			exited(end.Exit)
			continue
		}
		end.Name = s.names[n-1]
		end.Exit.OutOfMemory = end.Exit.Signal == 9 && outOfMemory()
		s.ended <- end
	}
}

// reply keeps the first answer to "run".
func (s *Supervision) reply(err error) {
	select {
	case s.answer <- err:
	default:
	}
}

// Run implements Supervisor.
func (s *Supervision) Run(ctx context.Context) error {
	if err := s.send("run"); err != nil {
		return fmt.Errorf("starting the runtime: %w", err)
	}
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Ended implements Supervisor.
func (s *Supervision) Ended() <-chan ExtensionEnd { return s.ended }

// Terminate implements Terminator.
func (s *Supervision) Terminate() { _ = s.send("term") }

// KillRuntime implements Supervisor.
func (s *Supervision) KillRuntime() { _ = s.send("kill") }

func (s *Supervision) send(word string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.WriteString(s.conn, word+"\n")
	return err
}

// parseEnd reads "ended N exit STATUS", "ended N signal NUMBER" and "failed N TEXT".
func parseEnd(line string) (n int, end ExtensionEnd, err error) {
	fields := strings.SplitN(line, " ", 4)
	bad := fmt.Errorf("images/start said %.80q", line)
	if len(fields) < 3 {
		return 0, ExtensionEnd{}, bad
	}
	if n, err = strconv.Atoi(fields[1]); err != nil || n < 0 {
		return 0, ExtensionEnd{}, bad
	}
	if fields[0] == "failed" && n > 0 && fields[2] != "" {
		return n, ExtensionEnd{LaunchError: strings.Join(fields[2:], " ")}, nil
	}
	if fields[0] != "ended" || len(fields) != 4 {
		return 0, ExtensionEnd{}, bad
	}
	number, err := strconv.Atoi(fields[3])
	switch {
	case err != nil || number < 0 || number > 255:
		return 0, ExtensionEnd{}, bad
	case fields[2] == "exit":
		return n, ExtensionEnd{Exit: Exit{Code: number}}, nil
	case fields[2] == "signal" && number > 0:
		// As shells print it, and as a container engine reports it.
		return n, ExtensionEnd{Exit: Exit{Code: 128 + number, Signal: number}}, nil
	}
	return 0, ExtensionEnd{}, bad
}
