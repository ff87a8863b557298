package awslambda

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/coldstart"
)

// TokenKey is the variable whose value is changed to force a cold start. The
// hello-world function says it in its answer.
const TokenKey = "BENCH_TOKEN"

var tokenForm = regexp.MustCompile(`^bench-[0-9a-f]{16}$`)

// ourToken says whether a value is one that bench made.
func ourToken(v string) bool { return tokenForm.MatchString(v) }

// newToken makes a value that no environment has seen.
func newToken() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return "bench-" + hex.EncodeToString(b[:])
}

// function is a function that is measured, shared by its configurations.
type function struct {
	c    *Client
	name string
	// journal puts the journal on disk before the first update.
	journal func() error

	mu sync.Mutex
	// variables are those before the run, never recorded; extra are those of
	// --env.
	variables, extra map[string]string
	memoryMB         int
	// now is what bench last set; rest is what of the configuration bench does
	// not change, revision the last that was seen.
	now      state
	rest     string
	revision string
	// changed is true from the first update on; foreign where somebody else
	// changed the function: then it is left alone.
	changed bool
	foreign error
}

// state is what bench changes of a function.
type state struct {
	token    string
	memoryMB int
}

// newFunction takes up a function as it was found.
func newFunction(c *Client, f *Facts, extra map[string]string, journal func() error) *function {
	fn := &function{
		c: c, name: f.Ref.Name, journal: journal, extra: extra,
		variables: map[string]string{}, memoryMB: f.MemoryMB,
		now:      state{memoryMB: f.MemoryMB},
		revision: aws.ToString(f.config.RevisionId), rest: restOf(f.config),
	}
	if e := f.config.Environment; e != nil {
		maps.Copy(fn.variables, e.Variables)
	}
	if ourToken(fn.variables[TokenKey]) {
		delete(fn.variables, TokenKey)
	}
	return fn
}

// restOf describes what of a configuration bench does not change.
func restOf(cfg *types.FunctionConfiguration) string {
	text, err := json.Marshal([]any{
		cfg.CodeSha256, cfg.Handler, cfg.Role, cfg.Timeout, cfg.Runtime, cfg.Layers, cfg.EphemeralStorage,
		cfg.Architectures, cfg.Description, cfg.KMSKeyArn, cfg.LoggingConfig, cfg.PackageType, cfg.DeadLetterConfig,
	})
	if err != nil {
		return ""
	}
	return string(text)
}

// environment returns the variables of a state.
func (f *function) environment(s state) map[string]string {
	vars := maps.Clone(f.variables)
	maps.Copy(vars, f.extra)
	if s.token != "" {
		vars[TokenKey] = s.token
	}
	return vars
}

// update sets a token and a memory size and returns when the function has
// them: no invocation that begins after it is served by an older environment.
func (f *function) update(ctx context.Context, memoryMB int, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.foreign != nil {
		return f.foreign
	}
	if err := f.journal(); err != nil {
		return fmt.Errorf("%w: %w", coldstart.ErrAbort, err)
	}
	f.changed = true
	want := state{token, memoryMB}
	for try := 0; ; try++ {
		in := &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String(f.name),
			Environment:  &types.Environment{Variables: f.environment(want)},
		}
		if f.revision != "" {
			in.RevisionId = aws.String(f.revision)
		}
		if memoryMB != f.now.memoryMB {
			in.MemorySize = aws.Int32(int32(memoryMB))
		}
		out, err := f.c.control.UpdateFunctionConfiguration(ctx, in)
		switch k := kindOf(err); {
		case err == nil:
			f.revision = aws.ToString(out.RevisionId)
			return f.wait(ctx, want)
		case (k == kindRevision || k == kindConflict) && try < 5:
			// Ours, sent twice by the SDK because its answer was lost? Or the end
			// of an update, which is a new revision? Or somebody else's.
			took, err := f.reread(ctx, want)
			if err != nil || took {
				return err
			}
		default:
			return explain("updating function "+f.name, "lambda", "UpdateFunctionConfiguration", err)
		}
	}
}

// reread looks at the function after an update was refused. It is true where
// it has the wanted state all the same; else the next update may be tried.
func (f *function) reread(ctx context.Context, want state) (bool, error) {
	cfg, err := f.settled(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case f.is(cfg, want):
		f.take(cfg, want)
		return true, nil
	case f.is(cfg, f.now):
		f.take(cfg, f.now)
		return false, nil
	}
	return false, f.disown()
}

// disown notes that the function is somebody else's now.
func (f *function) disown() error {
	f.foreign = coldstart.Hint(fmt.Errorf("function %s: %w while it was measured; it is left as it is", f.name, ErrForeign),
		"bench aws --restore takes bench's variable off it again")
	return f.foreign
}

// wait returns when an update is through and the function is as wanted.
func (f *function) wait(ctx context.Context, want state) error {
	cfg, err := f.settled(ctx)
	if err != nil {
		return err
	}
	if !f.is(cfg, want) {
		return f.disown()
	}
	f.take(cfg, want)
	return nil
}

// is says whether a configuration is what bench left, in a state.
func (f *function) is(cfg *types.FunctionConfiguration, s state) bool {
	var have map[string]string
	if cfg.Environment != nil {
		have = cfg.Environment.Variables
	}
	want := f.environment(s)
	if s.token == "" { // as it was before the first update
		want = f.variables
		have = maps.Clone(have)
		if ourToken(have[TokenKey]) {
			delete(have, TokenKey)
		}
	}
	return maps.Equal(have, want) && int(aws.ToInt32(cfg.MemorySize)) == s.memoryMB && restOf(cfg) == f.rest
}

func (f *function) take(cfg *types.FunctionConfiguration, s state) {
	f.now, f.revision = s, aws.ToString(cfg.RevisionId)
}

// settled polls the function until no update is going on, every 0.2 s to begin
// with and every second in the end.
func (f *function) settled(ctx context.Context) (*types.FunctionConfiguration, error) {
	return f.c.settled(ctx, Ref{Name: f.name})
}

func (c *Client) settled(ctx context.Context, ref Ref) (*types.FunctionConfiguration, error) {
	began := c.clock.Now()
	delay := 200 * time.Millisecond
	for {
		out, err := c.getFunction(ctx, ref)
		if err != nil {
			return nil, err
		}
		cfg := out.Configuration
		switch {
		case cfg.LastUpdateStatus == types.LastUpdateStatusFailed:
			return nil, fmt.Errorf("updating function %s: it failed: %s", ref, scrub(orElse(aws.ToString(cfg.LastUpdateStatusReason), string(cfg.LastUpdateStatusReasonCode))))
		case cfg.State == types.StateFailed:
			return nil, fmt.Errorf("function %s has failed: %s", ref, scrub(orElse(aws.ToString(cfg.StateReason), string(cfg.StateReasonCode))))
		case cfg.LastUpdateStatus != types.LastUpdateStatusInProgress && cfg.State != types.StatePending:
			// Another endpoint may not know the status; then the update is
			// through when it is answered.
			return cfg, nil
		}
		if c.clock.Now().Sub(began) > c.o.Patience {
			return nil, fmt.Errorf("updating function %s: still in progress after %s", ref, c.o.Patience)
		}
		if err := c.clock.Sleep(ctx, delay+time.Duration(mrand.Int64N(int64(delay/8)))); err != nil {
			return nil, err
		}
		delay = min(delay*3/2, time.Second)
	}
}

// restore puts the function back as it was.
func (f *function) restore(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.changed:
		return nil
	case f.foreign != nil:
		return f.foreign
	}
	sizes := []int{f.now.memoryMB}
	err := f.c.restore(ctx, journaledState{Name: f.name, Keys: f.keys(), MemoryMB: f.memoryMB, Sizes: sizes})
	if err == nil {
		f.changed = false
	}
	return err
}

// keys are the names of the variables that bench adds.
func (f *function) keys() []string { return keysOf(f.extra) }

func keysOf(extra map[string]string) []string {
	return append([]string{TokenKey}, slices.Sorted(maps.Keys(extra))...)
}
