package runfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// ErrNotRun is wrapped by the error of reading something that is no run file:
// it is empty, or its first line is no header.
var ErrNotRun = errors.New("not a run file")

// ErrNewer is wrapped by the error of reading a run file whose schema is newer
// than this package's.
var ErrNewer = errors.New("run file of a newer bench")

// maxLine is the length of a record in bytes above which a line is garbage:
// the longest real one is a header of some hundred configurations.
const maxLine = 4 << 20

// Run is what a run file holds.
type Run struct {
	// Path is where it was read; empty where it was not a file.
	Path   string
	Header Header
	// Samples, Rejects, Failures are in the order they were taken.
	Samples  []coldstart.Sample
	Rejects  []Reject
	Failures []Failure
	Deployed []Deployed
	Resumes  []Resumed
	// End is nil where the run did not come to its end.
	End *End
	// Warnings say what is odd about the file: a torn last line, a missing end,
	// records and fields that this version does not know.
	Warnings []string
	// Whole is the length of the whole lines in bytes.
	Whole int64
}

// Open reads the run file at path. A compressed or remote file is the caller's
// to open: see Read.
func Open(path string) (*Run, error) { return Scan(path, nil) }

// Scan reads the run file at path as Open does, but hands each sample to a function
// in place of keeping it: Run.Samples is empty, and a run of a million samples takes
// no memory. It keeps them in the run if each is nil.
func Scan(path string, each func(*coldstart.Sample)) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening run file: %w", err)
	}
	defer f.Close()
	run, err := ScanFrom(f, each)
	if err != nil {
		return nil, AnnotateError(path, err)
	}
	run.Path = path
	return run, nil
}

// Read reads a run file record by record. A file that was cut at any byte after
// its header is accepted: a torn last line is dropped, and that and a missing
// end are warnings. Unknown types of records and unknown fields are warnings
// too. Anything else that is no record is an error that starts with the line's
// number, and so is a header of a newer schema.
func Read(r io.Reader) (*Run, error) { return ScanFrom(r, nil) }

// ScanFrom reads a run file as Read does and hands over its samples as Scan does.
func ScanFrom(r io.Reader, each func(*coldstart.Sample)) (*Run, error) {
	p := parser{
		in: &interner{words: map[string]string{}, proofs: map[string][]string{}}, each: each,
		configs: map[coldstart.Config]bool{}, unknown: map[string]int{},
	}
	if f, ok := r.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			p.size = st.Size()
		}
	}
	err := eachDecoded(r, func(n int, line []byte, s *coldstart.Sample) error {
		if err := p.line(line, s); err != nil {
			return &LineError{n, err}
		}
		p.run.Whole += int64(len(line)) + 1
		return nil
	}, func(n, torn int) {
		if p.header {
			p.warnf("line %d: cut off after %d bytes: dropped", n, torn)
		}
	})
	if err != nil {
		return nil, err
	}
	if !p.header {
		return nil, &LineError{1, errNoHeader}
	}
	p.finish()
	return &p.run, nil
}

// ReadHeader reads the first record alone.
func ReadHeader(r io.Reader) (Header, error) {
	p := parser{configs: map[coldstart.Config]bool{}}
	stop := errors.New("header read")
	err := eachLine(r, func(n int, line []byte) error {
		if err := p.readHeader(line); err != nil {
			return &LineError{n, err}
		}
		return stop
	}, func(int, int) {})
	if err == nil {
		err = &LineError{1, errNoHeader}
	}
	if err != stop {
		return Header{}, err
	}
	return p.run.Header, nil
}

// ReadEnd returns the end record of a run file without reading the rest. It is nil if
// the last whole line is another record: the run did not come to its end.
func ReadEnd(r io.ReadSeeker) (*End, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	var tail []byte
	for n := int64(64 << 10); ; n *= 4 {
		from := max(0, size-n)
		tail = make([]byte, size-from)
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, tail); err != nil {
			return nil, err
		}
		tail = tail[:bytes.LastIndexByte(tail, '\n')+1] // without a torn line
		if len(tail) > 0 && (from == 0 || bytes.Count(tail, []byte("\n")) > 1) {
			break
		}
		if from == 0 {
			return nil, nil
		}
	}
	tail = tail[:len(tail)-1]
	line := tail[bytes.LastIndexByte(tail, '\n')+1:]
	if kind, err := kindOf(line); err != nil || kind != typeEnd {
		return nil, err
	}
	end := new(End)
	return end, json.Unmarshal(line, end)
}

// eachLine calls whole for each line that ends in a newline, without it, and
// torn for what follows the last one, if anything does.
func eachLine(r io.Reader, whole func(n int, line []byte) error, torn func(n, bytes int)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 1
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			torn(n, len(data))
		}
		return 0, nil, nil
	})
	for ; lines.Scan(); n++ {
		if err := whole(n, lines.Bytes()); err != nil {
			return err
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("longer than %d bytes: %w", maxLine, ErrNotRun)
	}
	if err != nil {
		return &LineError{n, err}
	}
	return nil
}

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
