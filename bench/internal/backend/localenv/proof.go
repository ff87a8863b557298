package localenv

import (
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// proveCold proves a first invocation from four sides that can't all be wrong in the same
// way: the platform's line, the emulator's reading of the execve, the function's instance id,
// and the kernel's clock as the function read it.
func proveCold(s *coldstart.Sample, target *Target, init runtimeapi.Init, v served) error {
	refuse := refusing(s, coldstart.Cold, coldstart.NotCold)
	if err := proveMemory(s, target.setup.Config, coldstart.Cold); err != nil {
		return err
	}
	switch {
	case init.Done && !v.invocation.InitInside && s.Metrics.InitDurationMs != nil:
		s.Class = coldstart.ClassCold
		s.Proof = append(s.Proof, "initDuration")
	case !init.Done && v.invocation.InitInside && s.Metrics.InitDurationMs == nil:
		s.Class = coldstart.ClassSuppressedInit
		s.Proof = append(s.Proof, "initReport")
	default:
		return refuse("the report does not say what the emulator saw of init (done before the invocation: %t, inside it: %t)", init.Done, v.invocation.InitInside)
	}
	s.Start = coldstart.Cold
	if init.RegisteredNs != 0 && s.Class == coldstart.ClassCold {
		registered := float64(init.RegisteredNs-init.StartedNs) / 1e6
		s.Phases.ExtensionsMs = &registered
	}
	if f := s.Function; f != nil {
		if f.Invocation > 1 {
			return refuse("the function counts this as its invocation %d", f.Invocation)
		}
		if !target.isNew(f.InstanceID) {
			return refuse("instance %s has been seen before", f.InstanceID)
		}
		s.Proof = append(s.Proof, "newInstance")
		if f.StartedAtNs != nil && s.Class == coldstart.ClassCold {
			if *f.StartedAtNs < init.StartedNs || *f.StartedAtNs > init.EndedNs {
				return refuse("the function started %.3f ms after execve, init took %.3f ms", float64(*f.StartedAtNs-init.StartedNs)/1e6, float64(init.EndedNs-init.StartedNs)/1e6)
			}
			if *f.StartedAtNs < init.RegisteredNs {
				return refuse("the function started %.3f ms before its extensions had registered", float64(init.RegisteredNs-*f.StartedAtNs)/1e6)
			}
			s.Proof = append(s.Proof, "startedInInit")
			started := float64(*f.StartedAtNs-init.StartedNs) / 1e6
			s.Phases.ProcessStartMs = &started
		}
	}
	return nil
}

func proveWarm(s *coldstart.Sample, instance string, invocations int, v served) error {
	refuse := refusing(s, coldstart.Warm, coldstart.NotWarm)
	if v.invocation.InitInside || s.Metrics.InitDurationMs != nil {
		return refuse("init was done for this invocation")
	}
	s.Proof = append(s.Proof, "noInit")
	switch f := s.Function; {
	case f == nil && instance == "":
		s.Proof = append(s.Proof, "sameProcess")
	case f == nil || f.InstanceID != instance:
		return refuse("the answer does not come from instance %s", instance)
	case f.Invocation != 0 && f.Invocation != invocations:
		return refuse("the function counts this as its invocation %d, bench as %d", f.Invocation, invocations)
	default:
		s.Proof = append(s.Proof, "sameInstance")
	}
	if err := proveMemory(s, s.Config, coldstart.Warm); err != nil {
		return err
	}
	s.Start = coldstart.Warm
	s.Class = coldstart.ClassWarm
	if s.Invocation == 2 {
		s.Class = coldstart.ClassFirstWarm
	}
	return nil
}

func proveMemory(s *coldstart.Sample, c coldstart.Config, want coldstart.Start) error {
	if m := s.Metrics.MemorySizeMB; m == nil || *m != float64(c.MemoryMB) {
		return refusing(s, want, coldstart.WrongMemory)("the report does not say Memory Size: %d MB", c.MemoryMB)
	}
	return nil
}

// refusing returns a function that makes the error of what was not proved.
func refusing(s *coldstart.Sample, want coldstart.Start, reason coldstart.ProofReason) func(format string, args ...any) error {
	return func(format string, args ...any) error {
		return &coldstart.ProofError{Want: want, Reason: reason, Detail: fmt.Sprintf(format, args...), Report: s.Raw}
	}
}
