package awslambda

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// expected is what an answer has to be like; what is empty is not checked.
type expected struct {
	version string
	token   string
	answer  string
}

// prove checks what holds of cold and warm invocations alike.
func prove(want coldstart.Start, s *coldstart.Sample, a answer, e expected) error {
	refuse := refusing(want, s)
	switch {
	case s.Metrics.DurationMs == nil || s.Metrics.BilledDurationMs == nil:
		return &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Report: s.Raw, Err: fmt.Errorf("no Duration or no Billed Duration in REPORT")}
	case s.Metrics.MemorySizeMB == nil || *s.Metrics.MemorySizeMB != float64(s.Config.MemoryMB):
		return refuse(coldstart.WrongMemory, "the report does not say Memory Size: %d MB", s.Config.MemoryMB)
	case e.version != "" && a.version != "" && a.version != e.version:
		return refuse(coldstart.WrongVersion, "version %s was executed, not %s", a.version, e.version)
	case e.token != "" && s.Function != nil && s.Function.Token != "" && s.Function.Token != e.token:
		return refuse(coldstart.WrongToken, "the environment is of another update")
	case e.answer != "" && !strings.Contains(string(a.payload), e.answer):
		return &coldstart.InvocationError{Reason: coldstart.ReasonResponse, Report: s.Raw, Output: a.tail, Err: fmt.Errorf("the answer is not the expected one")}
	}
	return nil
}

// refusing returns a function that makes the error of what was not proved.
func refusing(want coldstart.Start, s *coldstart.Sample) func(reason coldstart.ProofReason, format string, args ...any) error {
	return func(reason coldstart.ProofReason, format string, args ...any) error {
		return &coldstart.ProofError{Want: want, Reason: reason, Detail: fmt.Sprintf(format, args...), Report: s.Raw}
	}
}

// proactiveMs is by how many ms a process is older than its init if nobody had asked for it.
const proactiveMs = 1000

// proveCold proves a first invocation by the platform's word, and the function's if it has one.
func proveCold(s *coldstart.Sample, r reading, a answer, e expected, isNew func(instance string) bool) error {
	if err := prove(coldstart.Cold, s, a, e); err != nil {
		return err
	}
	refuse := refusing(coldstart.Cold, s)
	m := s.Metrics
	switch {
	case m.InitDurationMs != nil:
		s.Class, s.Proof = coldstart.ClassCold, append(s.Proof, "initDuration")
	case m.RestoreDurationMs != nil:
		s.Class, s.Proof = coldstart.ClassCold, append(s.Proof, "restoreDuration")
	case r.suppressed:
		s.Class, s.Proof = coldstart.ClassSuppressedInit, append(s.Proof, "initReport")
	default:
		return refuse(coldstart.NotCold, "the report holds no Init Duration")
	}
	s.Start, s.Invocation = coldstart.Cold, 1
	f := s.Function
	if f == nil {
		return nil
	}
	if f.Invocation > 1 {
		return refuse(coldstart.NotCold, "the function counts this as its invocation %d", f.Invocation)
	}
	// A snapshot's environments all wake up with the instance of its init.
	if m.RestoreDurationMs == nil {
		if !isNew(f.InstanceID) {
			return refuse(coldstart.NotCold, "instance %s has been seen before", f.InstanceID)
		}
		s.Proof = append(s.Proof, "newInstance")
	}
	if e.token != "" && f.Token == e.token {
		s.Proof = append(s.Proof, "token")
	}
	if a.version != "" && e.version != "" {
		s.Proof = append(s.Proof, "version")
	}
	if proactive(s) {
		// Nobody waited for this init: what the client saw is not its latency.
		s.Phases.ClientMs = nil
		s.Proof = append(s.Proof, coldstart.ProofProactiveInit)
	}
	return nil
}

func proactive(s *coldstart.Sample) bool {
	if s.Function == nil || s.Function.ProcessUptimeMs == nil || s.Metrics.InitDurationMs == nil {
		return false
	}
	return *s.Function.ProcessUptimeMs > *s.Metrics.InitDurationMs+*s.Metrics.DurationMs+proactiveMs
}

// proveWarm proves that an instance served an invocation, after its invocation number last.
func proveWarm(s *coldstart.Sample, r reading, a answer, e expected, instance string, last int) error {
	if err := prove(coldstart.Warm, s, a, e); err != nil {
		return err
	}
	refuse := refusing(coldstart.Warm, s)
	if s.Metrics.InitDurationMs != nil || s.Metrics.RestoreDurationMs != nil || r.suppressed {
		return refuse(coldstart.NotWarm, "init was done for this invocation")
	}
	s.Start, s.Class, s.Invocation = coldstart.Warm, coldstart.ClassWarm, last+1
	s.Proof = append(s.Proof, "noInit")
	f := s.Function
	switch {
	case f == nil && instance == "":
	case f == nil || f.InstanceID != instance:
		return refuse(coldstart.NotWarm, "the answer does not come from instance %s", instance)
	case f.Invocation != 0 && f.Invocation <= last:
		return refuse(coldstart.NotWarm, "the function counts this as its invocation %d, after %d", f.Invocation, last)
	default:
		s.Proof = append(s.Proof, "sameInstance")
		if f.Invocation != 0 {
			// Ones whose answer was lost count too.
			s.Invocation = f.Invocation
		}
	}
	if s.Invocation == 2 {
		s.Class = coldstart.ClassFirstWarm
	}
	return nil
}
