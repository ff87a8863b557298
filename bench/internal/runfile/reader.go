package runfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

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
func Open(path string) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening run file: %w", err)
	}
	defer f.Close()
	var size int64
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		size = st.Size()
	}
	run, err := read(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	run.Path = path
	return run, nil
}

// Read reads a run file record by record. A file that was cut at any byte after
// its header is accepted: a torn last line is dropped, and that and a missing
// end are warnings. Unknown types of records and unknown fields are warnings
// too. Anything else that is no record is an error that starts with the line's
// number, and so is a header of a newer schema.
func Read(r io.Reader) (*Run, error) { return read(r, 0) }

// read reads a run file of a size in bytes, 0 where that is not known.
func read(r io.Reader, size int64) (*Run, error) {
	p := parser{
		size:    size,
		in:      interner{words: map[string]string{}, proofs: map[string][]string{}},
		configs: map[coldstart.Config]bool{}, unknown: map[string]int{},
	}
	err := eachLine(r, func(n int, line []byte) error {
		if err := p.line(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
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
		return nil, fmt.Errorf("reading header: %w", ErrNotRun)
	}
	p.finish()
	return &p.run, nil
}

// ReadHeader reads the first record alone.
func ReadHeader(r io.Reader) (Header, error) {
	var h *Header
	stop := errors.New("header read")
	err := eachLine(r, func(n int, line []byte) error {
		var p parser
		p.configs = map[coldstart.Config]bool{}
		if err := p.readHeader(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		h = &p.run.Header
		return stop
	}, func(int, int) {})
	switch {
	case h != nil:
		return *h, nil
	case err != nil:
		return Header{}, err
	}
	return Header{}, fmt.Errorf("reading header: %w", ErrNotRun)
}

// eachLine calls whole for each line that ends in a newline, without it, and
// torn for what follows the last one, if anything does.
func eachLine(r io.Reader, whole func(n int, line []byte) error, torn func(n, bytes int)) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for n := 1; ; n++ {
		long = long[:0]
		for {
			part, err := br.ReadSlice('\n')
			line := part
			if len(long) > 0 || err == bufio.ErrBufferFull {
				long = append(long, part...)
				line = long
			}
			if err == bufio.ErrBufferFull {
				if len(long) > maxLine {
					return fmt.Errorf("line %d: longer than %d bytes: %w", n, maxLine, ErrNotRun)
				}
				continue
			}
			if err == io.EOF {
				if len(line) > 0 {
					torn(n, len(line))
				}
				return nil
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if err := whole(n, line[:len(line)-1]); err != nil {
				return err
			}
			break
		}
	}
}

// parser collects the records of one file.
type parser struct {
	run Run
	// size is that of the file in bytes, 0 where it is not known.
	size    int64
	header  bool
	configs map[coldstart.Config]bool
	in      interner
	// unknown counts what this version does not know, names in order of
	// appearance.
	unknown map[string]int
	names   []string
}

func (p *parser) warnf(format string, args ...any) {
	p.run.Warnings = append(p.run.Warnings, fmt.Sprintf(format, args...))
}

// line takes one record.
func (p *parser) line(line []byte) error {
	if !p.header {
		return p.readHeader(line)
	}
	kind, err := kindOf(line)
	if err != nil {
		return err
	}
	if p.run.End != nil && kind != typeResume && kind != typeEnd {
		p.note("records after the end record")
	}
	switch kind {
	case typeRun:
		return errors.New("a second header: two run files in one")
	case typeSample:
		return p.sample(line)
	case typeReject:
		var r Reject
		if err := p.decode(line, &r); err != nil {
			return err
		}
		p.run.Rejects = append(p.run.Rejects, r)
		return p.check(r.Try().Config, r.At)
	case typeFailure:
		var r Failure
		if err := p.decode(line, &r); err != nil {
			return err
		}
		p.run.Failures = append(p.run.Failures, r)
		return p.check(r.Try().Config, r.At)
	case typeResume:
		var r Resumed
		if err := p.decode(line, &r); err != nil {
			return err
		}
		p.run.Resumes = append(p.run.Resumes, r)
		p.run.End = nil
	case typeEnd:
		var e End
		if err := p.decode(line, &e); err != nil {
			return err
		}
		p.run.End = &e
	default:
		p.note(fmt.Sprintf("records of unknown type %q", kind))
	}
	return nil
}

func (p *parser) readHeader(line []byte) error {
	kind, err := kindOf(line)
	if err != nil || kind != typeRun {
		return fmt.Errorf("no header: %w", ErrNotRun)
	}
	// The schema comes before everything else: a newer header need not even
	// decode.
	var v struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return fmt.Errorf("reading schema: %w", err)
	}
	switch {
	case v.Schema > Schema:
		return coldstart.Hint(
			fmt.Errorf("schema %d, this bench reads up to %d: %w", v.Schema, Schema, ErrNewer),
			"use a newer bench to read this run")
	case v.Schema < 1:
		return fmt.Errorf("schema %d: %w", v.Schema, ErrNotRun)
	}
	if err := p.decode(line, &p.run.Header); err != nil {
		return err
	}
	for _, c := range p.run.Header.Configs {
		p.configs[c.Config()] = true
	}
	p.header = true
	return nil
}

func (p *parser) sample(line []byte) error {
	var r Sample
	if err := p.decode(line, &r); err != nil {
		return err
	}
	s, err := r.sample()
	if err != nil {
		return err
	}
	if s.Start != coldstart.Cold && s.Start != coldstart.Warm {
		return fmt.Errorf("start %q is neither cold nor warm", s.Start)
	}
	m := s.Metrics
	for _, v := range []*float64{
		m.InitDurationMs, m.DurationMs, m.BilledDurationMs, m.RestoreDurationMs, m.BilledRestoreDurationMs,
		m.MemorySizeMB, m.MaxMemoryUsedMB, s.Phases.ProvisionMs, s.ThrottledMs,
	} {
		if v != nil && *v < 0 {
			return fmt.Errorf("negative value %v", *v)
		}
	}
	if err := p.check(s.Config, r.At); err != nil {
		return err
	}
	p.in.intern(&s)
	if n := len(p.run.Samples); n == 100 && p.size > 0 {
		// One allocation instead of twenty: the lines so far say how many there
		// will be, give or take.
		p.run.Samples = slices.Grow(p.run.Samples, int(min(float64(p.size)/float64(p.run.Whole)*float64(n)*1.02, 1<<22)))
	}
	p.run.Samples = append(p.run.Samples, s)
	return nil
}

// check refuses a record of a configuration that the header does not have, and
// a stamp that is no time.
func (p *parser) check(c coldstart.Config, at string) error {
	if !p.configs[c] {
		return fmt.Errorf("%v is not in the header", c)
	}
	_, err := time.Parse(time.RFC3339, at)
	return err
}

// decode reads a record; fields that v does not have are noted.
func (p *parser) decode(line []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.InputOffset() == int64(len(line)) {
		return nil
	}
	if err != nil {
		// The package's error has no type to ask for.
		name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
		if !unknown {
			return err
		}
		p.note("unknown field " + name)
	}
	return json.Unmarshal(line, v)
}

// note counts something this version does not know.
func (p *parser) note(what string) {
	if p.unknown == nil {
		return
	}
	if p.unknown[what] == 0 {
		p.names = append(p.names, what)
	}
	p.unknown[what]++
}

// finish adds the warnings that are about the whole file.
func (p *parser) finish() {
	for _, name := range p.names {
		p.warnf("%s: ignored %d times", name, p.unknown[name])
	}
	e := p.run.End
	if e == nil {
		p.warnf("no end record: the run was cut off")
		return
	}
	if e.Samples != len(p.run.Samples) || e.Rejects != len(p.run.Rejects) || e.Failures != len(p.run.Failures) {
		p.warnf("the end record counts %d samples, %d rejects and %d failures, the file holds %d, %d and %d",
			e.Samples, e.Rejects, e.Failures, len(p.run.Samples), len(p.run.Rejects), len(p.run.Failures))
	}
}

// kindOf returns the type of a record, which our writer puts first.
func kindOf(line []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`)); ok {
		if i := bytes.IndexByte(rest, '"'); i >= 0 && bytes.IndexByte(rest[:i], '\\') < 0 {
			return string(rest[:i]), nil
		}
	}
	var v struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return "", err
	}
	if v.Type == nil {
		return "", errors.New("a record without type")
	}
	return *v.Type, nil
}
