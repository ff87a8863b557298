package runfile

import (
	"strings"
	"time"
	"unicode/utf8"

	"coldbench/bench/internal/coldstart"
)

// maxOutput is how much of a function's output a failure record keeps, in
// bytes.
const maxOutput = 4 << 10

// Stamp prints a time as run files hold it: RFC 3339 in UTC, to the
// microsecond.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func fromSample(s coldstart.Sample) Sample {
	r := Sample{
		Type: typeSample, Variant: s.Config.Variant, MemorySizeMB: s.Config.MemoryMB, Arch: s.Config.Arch,
		Round: s.Round, Seq: s.Seq, Environment: s.Environment, Invocation: s.Invocation, Attempt: s.Attempt,
		At: Stamp(s.At), Start: s.Start, Class: s.Class, Strategy: s.Strategy, Proof: s.Proof,
		RequestID: s.RequestID, Metrics: s.Metrics, Phases: s.Phases, ThrottledMs: s.ThrottledMs,
		Report: s.Raw,
	}
	if r.Proof == nil {
		r.Proof = []string{}
	}
	if f := s.Function; f != nil {
		r.Function = &Function{f.InstanceID, f.Invocation, f.ProcessUptimeMs, f.StartedAtNs}
	}
	if d := s.Deployment; d != nil {
		r.Deployment = &Deployment{d.Number, d.Position, d.Again}
	}
	return r
}

// sample turns a record back into the sample. The token of the function is
// not in the file, and neither is more of the time than microseconds.
func (r *Sample) sample() (coldstart.Sample, error) {
	at, err := time.Parse(time.RFC3339, r.At)
	if err != nil {
		return coldstart.Sample{}, err
	}
	s := coldstart.Sample{
		Config: coldstart.Config{Variant: r.Variant, MemoryMB: r.MemorySizeMB, Arch: r.Arch},
		Round:  r.Round, Seq: r.Seq, Attempt: r.Attempt,
		Environment: r.Environment, Invocation: r.Invocation, At: at,
		Start: r.Start, Class: r.Class, Strategy: r.Strategy, Proof: r.Proof,
		RequestID: r.RequestID, Metrics: r.Metrics, Phases: r.Phases, ThrottledMs: r.ThrottledMs,
		Raw: r.Report,
	}
	if f := r.Function; f != nil {
		s.Function = &coldstart.Function{
			InstanceID: f.InstanceID, Invocation: f.Invocation,
			ProcessUptimeMs: f.ProcessUptimeMs, StartedAtNs: f.StartedAtNs,
		}
	}
	if d := r.Deployment; d != nil {
		s.Deployment = &coldstart.Deployment{Number: d.Number, Position: d.Position, Again: d.Again}
	}
	return s, nil
}

func fromReject(a coldstart.Attempt, e *coldstart.ProofError) Reject {
	return Reject{
		Type: typeReject, Variant: a.Config.Variant, MemorySizeMB: a.Config.MemoryMB, Arch: a.Config.Arch,
		Round: a.Round, Seq: a.Seq, Attempt: a.Attempt, At: Stamp(a.At), Want: a.Want,
		Reason: e.Reason, Detail: e.Detail, Report: e.Report,
	}
}

func fromFailure(a coldstart.Attempt, e *coldstart.InvocationError) Failure {
	r := Failure{
		Type: typeFailure, Variant: a.Config.Variant, MemorySizeMB: a.Config.MemoryMB, Arch: a.Config.Arch,
		Round: a.Round, Seq: a.Seq, Attempt: a.Attempt, At: Stamp(a.At), Want: a.Want,
		Reason: e.Reason, Output: tail(e.Output, maxOutput), Report: e.Report,
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
	}
	return r
}

// Config returns the configuration that the record is of.
func (r Config) Config() coldstart.Config {
	return coldstart.Config{Variant: r.Variant, MemoryMB: r.MemorySizeMB, Arch: r.Arch}
}

// Try returns the try that was rejected.
func (r Reject) Try() coldstart.Attempt {
	return attempt(r.Variant, r.MemorySizeMB, r.Arch, r.Round, r.Seq, r.Attempt, r.At, r.Want)
}

// Try returns the try that failed.
func (r Failure) Try() coldstart.Attempt {
	return attempt(r.Variant, r.MemorySizeMB, r.Arch, r.Round, r.Seq, r.Attempt, r.At, r.Want)
}

func attempt(variant string, memoryMB int, arch string, round, seq, attempt int, at string, want coldstart.Start) coldstart.Attempt {
	// The reader has already refused a record whose stamp can't be read; of one
	// that was made by hand the time is unknown, the zero time.
	t, _ := time.Parse(time.RFC3339, at)
	return coldstart.Attempt{
		Config: coldstart.Config{Variant: variant, MemoryMB: memoryMB, Arch: arch},
		Round:  round, Seq: seq, Attempt: attempt, At: t, Want: want,
	}
}

// tail returns the last n bytes of s, or a little less where that would cut a
// character.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}

// interner keeps the strings that repeat in every record of a run once: 100,000
// samples take 70 MB then.
type interner struct {
	words  map[string]string
	proofs map[string][]string
	// environment and instance are those of the sample before: they come in
	// groups.
	environment, instance string
}

// intern replaces the record's repeating strings by the ones already seen.
func (in *interner) intern(s *coldstart.Sample) {
	for _, p := range []*string{
		&s.Config.Variant, &s.Config.Arch, (*string)(&s.Start), (*string)(&s.Class), &s.Strategy,
	} {
		*p = in.word(*p)
	}
	key := strings.Join(s.Proof, "\x00")
	if have, ok := in.proofs[key]; ok {
		s.Proof = have
	} else if len(in.proofs) < 64 {
		in.proofs[key] = s.Proof
	}
	if s.Environment == in.environment {
		s.Environment = in.environment
	}
	in.environment = s.Environment
	if f := s.Function; f != nil {
		if f.InstanceID == in.instance {
			f.InstanceID = in.instance
		}
		in.instance = f.InstanceID
	}
	// The request's ID is in the REPORT line: one copy is enough.
	if i := strings.Index(s.Raw, s.RequestID); i >= 0 {
		s.RequestID = s.Raw[i : i+len(s.RequestID)]
	}
}

func (in *interner) word(s string) string {
	if have, ok := in.words[s]; ok {
		return have
	}
	if len(in.words) < 1024 {
		in.words[s] = s
	}
	return s
}
