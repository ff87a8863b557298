package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxStdioRecord is the longest line that is read, in bytes: 6 MB in base64 and more.
const maxStdioRecord = 32 << 20

// ErrStdioClosed is wrapped by the error of a call whose connection ended first.
var ErrStdioClosed = errors.New("the emulator's connection is closed")

// stdioRecord is one line of the connection between bench and an emulator elsewhere.
// Both sides call and answer: a call has Call, its answer the same ID and no Call, a
// cancellation ID and Cancel. A call without an ID wants no answer and is served before
// what follows it. IDs are the caller's own and count from 1.
type stdioRecord struct {
	ID     uint64          `json:"id,omitempty"`
	Call   string          `json:"call,omitempty"`
	Cancel bool            `json:"cancel,omitempty"`
	Error  string          `json:"error,omitempty"`
	Kind   string          `json:"kind,omitempty"` // of the error, see stdioKinds
	Body   json.RawMessage `json:"body,omitempty"`
}

// stdioHandler serves one call of the other side and returns the answer's body.
type stdioHandler func(ctx context.Context, call string, body json.RawMessage) (any, error)

func decoded[T any](call string, body json.RawMessage) (v T, err error) {
	if err = json.Unmarshal(body, &v); err != nil {
		err = fmt.Errorf("decoding %s: %w", call, err)
	}
	return v, err
}

// stdioPeer is one end of the connection.
type stdioPeer struct {
	handle stdioHandler
	ctx    context.Context
	cancel context.CancelCauseFunc

	writing sync.Mutex
	w       io.Writer

	mu      sync.Mutex
	lastID  uint64
	waiting map[uint64]chan stdioRecord
	serving map[uint64]context.CancelFunc
	closed  bool

	handlers sync.WaitGroup
}

// newStdioPeer returns a peer that writes to w; it is served by serve.
func newStdioPeer(w io.Writer, handle stdioHandler) *stdioPeer {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &stdioPeer{
		handle: handle, ctx: ctx, cancel: cancel, w: w,
		waiting: map[uint64]chan stdioRecord{},
		serving: map[uint64]context.CancelFunc{},
	}
}

// serve reads records until r ends, then fails every call that waits, cancels those being
// served and waits for them. An error says that r broke off or held no records.
func (p *stdioPeer) serve(r io.Reader) error {
	err := p.read(bufio.NewReaderSize(r, 64<<10))
	cause := ErrStdioClosed
	if err != nil {
		cause = fmt.Errorf("%w: %w", ErrStdioClosed, err)
	}
	p.cancel(cause)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.handlers.Wait()
	return err
}

func (p *stdioPeer) read(r *bufio.Reader) error {
	for {
		line, err := readStdioLine(r)
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case err == io.EOF:
			return fmt.Errorf("reading record: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return fmt.Errorf("reading record: %w", err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var rec stdioRecord
		if err := json.Unmarshal(line, &rec); err != nil {
			return fmt.Errorf("reading record %.80q: %w", line, err)
		}
		p.accept(rec)
	}
}

// readStdioLine returns the next line with its newline, or what was left and io.EOF.
func readStdioLine(r *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && whole == nil {
			return bytes.Clone(part), nil
		}
		if len(whole)+len(part) > maxStdioRecord {
			return nil, fmt.Errorf("record is longer than %d bytes", maxStdioRecord)
		}
		whole = append(whole, part...)
		if err != bufio.ErrBufferFull {
			return whole, err
		}
	}
}

// accept deals with one record. Late answers and cancellations are dropped.
func (p *stdioPeer) accept(rec stdioRecord) {
	switch {
	case rec.Cancel:
		p.mu.Lock()
		if cancel := p.serving[rec.ID]; cancel != nil {
			cancel()
		}
		p.mu.Unlock()
	case rec.Call != "" && rec.ID == 0:
		// Served before the next record is read: what follows may build on it.
		_, _ = p.handle(p.ctx, rec.Call, rec.Body)
	case rec.Call != "":
		ctx, cancel := context.WithCancel(p.ctx)
		p.mu.Lock()
		p.serving[rec.ID] = cancel
		p.mu.Unlock()
		p.handlers.Add(1)
		go func() {
			defer p.handlers.Done()
			defer cancel()
			p.answer(ctx, rec)
		}()
	default:
		p.mu.Lock()
		c := p.waiting[rec.ID]
		delete(p.waiting, rec.ID)
		p.mu.Unlock()
		if c != nil {
			c <- rec
		}
	}
}

func (p *stdioPeer) answer(ctx context.Context, rec stdioRecord) {
	result, err := p.handle(ctx, rec.Call, rec.Body)
	p.mu.Lock()
	delete(p.serving, rec.ID)
	p.mu.Unlock()
	out := stdioRecord{ID: rec.ID}
	if err != nil {
		out.Error, out.Kind = err.Error(), kindOf(err)
		if out.Error == "" {
			out.Error = "unknown error"
		}
	} else if result != nil {
		if out.Body, err = json.Marshal(result); err != nil {
			out.Error = "encoding answer: " + err.Error()
		}
	}
	// A failed write means that nobody reads any more: serve finds out.
	_ = p.write(out)
}

// call asks the other side and decodes its answer into result, unless that is nil. When ctx
// ends first, the other side is told and call returns at once.
func (p *stdioPeer) call(ctx context.Context, name string, body, result any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	answer := make(chan stdioRecord, 1)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return context.Cause(p.ctx)
	}
	p.lastID++
	id := p.lastID
	p.waiting[id] = answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, id)
		p.mu.Unlock()
	}()
	// Written from a goroutine of its own: a connection that is stuck must not
	// hold a caller whose time is over.
	failed := make(chan error, 1)
	go func() {
		if err := p.write(stdioRecord{ID: id, Call: name, Body: raw}); err != nil {
			failed <- err
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("%w: writing %s: %w", ErrStdioClosed, name, err)
	case rec := <-answer:
		if rec.Error != "" {
			return &stdioError{text: rec.Error, kind: stdioKinds[rec.Kind]}
		}
		if result == nil {
			return nil
		}
		if err := json.Unmarshal(rec.Body, result); err != nil {
			return fmt.Errorf("decoding answer of %s: %w", name, err)
		}
		return nil
	case <-ctx.Done():
		go func() { _ = p.write(stdioRecord{ID: id, Cancel: true}) }()
		return context.Cause(ctx)
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// tell sends a call that wants no answer.
func (p *stdioPeer) tell(name string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	return p.write(stdioRecord{Call: name, Body: raw})
}

func (p *stdioPeer) write(rec stdioRecord) error {
	line, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err = p.w.Write(line)
	return err
}

// stdioKinds are the errors that callers branch on; the end of a context is none.
var stdioKinds = map[string]error{
	"closed":          ErrClosed,
	"payloadTooLarge": ErrPayloadTooLarge,
}

// kindOf returns the name of the kind that err wraps, or "".
func kindOf(err error) string {
	for kind, sentinel := range stdioKinds {
		if errors.Is(err, sentinel) {
			return kind
		}
	}
	return ""
}

// stdioError is an error of the other side.
type stdioError struct {
	text string
	kind error // nil for none
}

func (e *stdioError) Error() string { return e.text }

func (e *stdioError) Unwrap() error { return e.kind }
