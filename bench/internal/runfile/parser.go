package runfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

type parser struct {
	run Run
	// size is that of the file in bytes, 0 where it is not known.
	size    int64
	header  bool
	configs map[coldstart.Config]bool
	in      *interner
	// each gets the samples; if it is nil the run keeps them. samples counts them.
	each    func(*coldstart.Sample)
	samples int
	// unknown counts what this version does not know, names in order of
	// appearance.
	unknown map[string]int
	names   []string
}

func (p *parser) warnf(format string, args ...any) {
	p.run.Warnings = append(p.run.Warnings, fmt.Sprintf(format, args...))
}

// line takes one record; s is what decodeSample makes of it.
func (p *parser) line(line []byte, s *coldstart.Sample) error {
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
		return p.sample(line, s)
	case typeReject:
		return take(p, line, &p.run.Rejects, func(r Reject) error { return p.check(r.Config, r.At) })
	case typeFailure:
		return take(p, line, &p.run.Failures, func(r Failure) error { return p.check(r.Config, r.At) })
	case typeDeploy:
		return take(p, line, &p.run.Deployed, func(r Deployed) error { return p.check(r.Config, r.At) })
	case typeResume:
		p.run.End = nil
		return take(p, line, &p.run.Resumes, func(Resumed) error { return nil })
	case typeEnd:
		p.run.End = new(End)
		return p.decode(line, p.run.End)
	default:
		p.note(fmt.Sprintf("records of unknown type %q", kind))
	}
	return nil
}

func (p *parser) readHeader(line []byte) error {
	kind, err := kindOf(line)
	if err != nil || kind != typeRun {
		return errNoHeader
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
		return advice.Hint(
			fmt.Errorf("schema %d, this bench reads up to %d: %w", v.Schema, Schema, ErrNewer),
			"use a newer bench to read this run")
	case v.Schema < 1:
		return fmt.Errorf("schema %d: %w", v.Schema, ErrNotRun)
	}
	var h struct {
		Header
		Previous string `json:"previous"` // Reference, as an older bench wrote it
	}
	if err := p.decode(line, &h); err != nil {
		return err
	}
	p.run.Header = h.Header
	if h.Reference == "" {
		p.run.Header.Reference = h.Previous
	}
	for _, c := range p.run.Header.Configs {
		p.configs[c.Config] = true
	}
	p.header = true
	return nil
}

func (p *parser) sample(line []byte, s *coldstart.Sample) error {
	if s == nil {
		var r Sample
		if err := p.decode(line, &r); err != nil {
			return err
		}
		decoded, err := r.sample()
		if err != nil {
			return err
		}
		s = &decoded
	}
	if s.Start != coldstart.Cold && s.Start != coldstart.Warm {
		return fmt.Errorf("start %q is neither cold nor warm", s.Start)
	}
	m := &s.Metrics
	for _, v := range [...]*float64{
		m.InitDurationMs, m.DurationMs, m.BilledDurationMs, m.RestoreDurationMs, m.BilledRestoreDurationMs,
		m.MemorySizeMB, m.MaxMemoryUsedMB, s.Phases.ProvisionMs, s.Phases.ProcessStartMs, s.Phases.ExtensionsMs, s.ThrottledMs,
	} {
		if v != nil && *v < 0 {
			return fmt.Errorf("negative value %v", *v)
		}
	}
	if d := s.Deployment; d != nil && (d.Number < 1 || d.Position < 0) {
		return fmt.Errorf("deployment %d, position %d: counted from 1 and from 0", d.Number, d.Position)
	}
	if !p.configs[s.Config] {
		return fmt.Errorf("%v is not in the header", s.Config)
	}
	p.samples++
	if p.each != nil {
		p.each(s)
		return nil
	}
	p.in.intern(s)
	if n := len(p.run.Samples); n == 100 && p.size > 0 {
		// One allocation instead of twenty: the lines so far say how many there
		// will be, give or take.
		p.run.Samples = slices.Grow(p.run.Samples, int(min(float64(p.size)/float64(p.run.Whole)*float64(n)*1.02, 1<<22)))
	}
	p.run.Samples = append(p.run.Samples, *s)
	return nil
}

func take[R any](p *parser, line []byte, list *[]R, check func(R) error) error {
	var r R
	if err := p.decode(line, &r); err != nil {
		return err
	}
	*list = append(*list, r)
	return check(r)
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

func (p *parser) note(what string) {
	if p.unknown == nil {
		return
	}
	if p.unknown[what] == 0 {
		p.names = append(p.names, what)
	}
	p.unknown[what]++
}

func (p *parser) finish() {
	for _, name := range p.names {
		p.warnf("%s: ignored %d times", name, p.unknown[name])
	}
	e := p.run.End
	if e == nil {
		p.warnf("no end record: the run was cut off")
		return
	}
	if e.Samples != p.samples || e.Rejects != len(p.run.Rejects) || e.Failures != len(p.run.Failures) {
		p.warnf("the end record counts %d samples, %d rejects and %d failures, the file holds %d, %d and %d",
			e.Samples, e.Rejects, e.Failures, p.samples, len(p.run.Rejects), len(p.run.Failures))
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
