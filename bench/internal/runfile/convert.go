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
		Type: typeSample, Config: s.Config, Deployment: s.Deployment,
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
		Config: r.Config, Deployment: r.Deployment,
		Round: r.Round, Seq: r.Seq, Attempt: r.Attempt,
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
	return s, nil
}

func fromReject(a coldstart.Attempt, e *coldstart.ProofError) Reject {
	return Reject{Tried: tried(typeReject, a), Reason: e.Reason, Detail: e.Detail, Report: e.Report}
}

func fromFailure(a coldstart.Attempt, e *coldstart.InvocationError) Failure {
	r := Failure{Tried: tried(typeFailure, a), Reason: e.Reason, Output: tail(e.Output, maxOutput), Report: e.Report}
	if e.Err != nil {
		r.Error = e.Err.Error()
	}
	return r
}

func tried(kind string, a coldstart.Attempt) Tried {
	return Tried{Type: kind, Config: a.Config, Round: a.Round, Seq: a.Seq, Attempt: a.Attempt, At: Stamp(a.At), Want: a.Want}
}

// Try returns what was tried.
func (t Tried) Try() coldstart.Attempt {
	// The reader has already refused a record whose stamp can't be read; of one
	// that was made by hand the time is unknown, the zero time.
	at, _ := time.Parse(time.RFC3339, t.At)
	return coldstart.Attempt{Config: t.Config, Round: t.Round, Seq: t.Seq, Attempt: t.Attempt, At: at, Want: t.Want}
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

// ImageOf returns what a run file holds of an image.
func ImageOf(i coldstart.Image) Image {
	return Image{
		ImageID: i.ID, ContentID: i.ContentID, Digest: i.Digest, SizeBytes: i.SizeBytes, CompressedBytes: i.CompressedBytes,
		// The store knows the content of what it holds.
		EngineOnly: i.Ref != "" && i.ContentID == "",
		Layers:     i.Layers, Base: i.Base, StandIn: i.StandIn,
	}
}
