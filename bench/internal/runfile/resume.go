package runfile

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// ErrFinished is wrapped by the error of Resume where the run has all its
// rounds, or the precision it was after.
var ErrFinished = errors.New("the run is finished")

// Mismatch is the error of resuming a run with something else than it was
// begun with: the samples could not be told apart afterwards.
type Mismatch struct {
	// What differs: "engine", "storage driver", "plan", "host", "configurations", "image of NAME",
	// "setup of NAME".
	What string
	// Was is the run file's value, Is the present one.
	Was, Is string
}

// Error says what differs.
func (e *Mismatch) Error() string {
	return fmt.Sprintf("%s differs: the run has %s, now it is %s", e.What, e.Was, e.Is)
}

// Resume opens the run file at path to append to it and returns what it holds.
// now is the header that a new run would have: it is refused, with a *Mismatch,
// where backend, engine, storage driver, the host's fingerprint, the plan, the configurations or
// one of their images are not the same, see Config.Change. The file is cut back to its last whole
// line and a resume record is written. Nothing is changed where Resume fails.
func Resume(path string, now Header, at time.Time) (*Writer, *Run, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("opening run file: %w", err)
	}
	w, run, err := resume(f, path, now, at)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("resuming %w", AnnotateError(path, err)), f.Close())
	}
	return w, run, nil
}

func resume(f *os.File, path string, now Header, at time.Time) (*Writer, *Run, error) {
	if err := lock(f); err != nil {
		return nil, nil, err
	}
	run, err := Read(f)
	if err != nil {
		return nil, nil, err
	}
	run.Path = path
	if e := run.End; e != nil && (e.Stopped == StoppedPlan || e.Stopped == StoppedPrecision) {
		return nil, nil, advice.Hint(ErrFinished, "bench report "+path)
	}
	if err := same(run.Header, now); err != nil {
		return nil, nil, err
	}
	w := &Writer{
		f: f, path: path, whole: run.Whole,
		samples: len(run.Samples), rejects: len(run.Rejects), failures: len(run.Failures),
	}
	// Cutting a torn line loses nothing that Read returned.
	if err := w.cut(); err != nil {
		return nil, nil, err
	}
	if err := w.write(Resumed{Type: typeResume, At: Stamp(at), Host: now.Host}); err != nil {
		return nil, nil, err
	}
	return w, run, nil
}

// same compares what the samples of a run depend on.
func same(was, is Header) error {
	const ownEndpoint = "AWS's own"
	for _, c := range []struct{ what, was, is string }{
		{"backend", was.Backend, is.Backend},
		{"engine", was.Engine, is.Engine},
		{"endpoint", cmp.Or(was.Rehearsal, ownEndpoint), cmp.Or(is.Rehearsal, ownEndpoint)},
		{"host", was.Host.Fingerprint, is.Host.Fingerprint},
	} {
		if c.was != c.is {
			return &Mismatch{c.what, c.was, c.is}
		}
	}
	if !was.SameStorage(is) {
		return &Mismatch{"storage driver", was.StorageDriver(), is.StorageDriver()}
	}
	if !was.Plan.Equal(is.Plan) {
		a, b := was.Plan.Differences(is.Plan)
		return advice.Hint(&Mismatch{"plan", a, b}, "what is not given is as in the run")
	}
	if a, b := names(was.Configs), names(is.Configs); !reflect.DeepEqual(a, b) {
		return &Mismatch{"configurations", fmt.Sprint(a), fmt.Sprint(b)}
	}
	for i, a := range was.Configs {
		switch b := is.Configs[i]; {
		case !b.Image.Identity().Same(a.Image.Identity()):
			return &Mismatch{"image of " + a.Config.String(), a.Image.ImageID, b.Image.ImageID}
		case b.Change(a) == ChangeSetup:
			return advice.Hint(&Mismatch{"setup of " + a.Config.String(), a.SetupID, b.SetupID},
				"restore entrypoint, command, working_dir and environment, and give the same --env")
		}
		if a, b := a.Function, is.Configs[i].Function; a != nil && b != nil && *a != *b {
			return &Mismatch{"function", a.Name + ":" + a.Version, b.Name + ":" + b.Version}
		}
	}
	return nil
}

func names(cs []Config) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.Config.String()
	}
	return out
}

// Past returns what the run has taken.
func (r *Run) Past() plan.Past {
	past := plan.Past{Samples: r.Samples}
	for _, x := range r.Rejects {
		past.Rejects = append(past.Rejects, x.Try())
	}
	for _, x := range r.Failures {
		past.Failures = append(past.Failures, x.Try())
	}
	for _, x := range r.Deployed {
		past.Deployed = append(past.Deployed, x.Note())
	}
	return past
}

// FirstStarts returns which configurations belong in round 0 of a run that begins
// or goes on: those whose image the runs before it had not seen, unless one
// was started without ever having been in round 0.
func (r *Run) FirstStarts(before []Entry) map[coldstart.Config]bool {
	earliest := map[coldstart.Config]int{}
	note := func(c coldstart.Config, round int) {
		if had, ok := earliest[c]; !ok || round < had {
			earliest[c] = round
		}
	}
	past := r.Past()
	for _, s := range past.Samples {
		note(s.Config, s.Round)
	}
	for _, list := range [][]coldstart.Attempt{past.Rejects, past.Failures} {
		for _, a := range list {
			note(a.Config, a.Round)
		}
	}
	seen := ImagesSeen(before, r.Header)
	first := map[coldstart.Config]bool{}
	for _, c := range r.Header.Configs {
		round, started := earliest[c.Config]
		if started && round == 0 || !started && !seen.Has(c) {
			first[c.Config] = true
		}
		if c.Function != nil {
			seen.Add(c) // its other memory sizes are the same image
		}
	}
	return first
}

// RenamedImages returns the variants whose image has another ID in the header that
// a run goes on with.
func (h Header) RenamedImages(now Header) []string {
	var names []string
	for i, c := range now.Configs {
		if c.Renamed(h.Configs[i]) && !slices.Contains(names, c.Variant) {
			names = append(names, c.Variant)
		}
	}
	return names
}
