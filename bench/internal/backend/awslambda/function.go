package awslambda

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// TokenKey is the variable that is changed to force a cold start. bench's function answers it.
const TokenKey = "BENCH_TOKEN"

var tokenForm = onFirstUse(`^bench-[0-9a-f]{16}$`)

func ourToken(v string) bool { return tokenForm().MatchString(v) }

func newToken() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return fmt.Sprintf("bench-%x", b)
}

// function is a function that is measured, shared by its configurations.
type function struct {
	c       *Client
	name    string
	journal func() error

	mu sync.Mutex
	// variables are those before the run, never recorded; extra are those of --env.
	variables, extra map[string]string
	memoryMB         int
	sizes            []int // in MB, that bench sets
	// now is what bench last set, rest what it never changes, revision the last one seen.
	now      state
	rest     map[string]string
	revision string
	// redeploys is true if bench deploys images; else code is how the code was described.
	redeploys bool
	code      string
	// own is the URI of the image to restore, images the digests that bench may deploy.
	own    string
	images []string
	// attempted is what a failed update was to make: the function has that state or now; or nil.
	attempted *state
	// unsure is true if an update was sent and not answered, publishing if a version was.
	unsure     bool
	publishing bool
	// changed is true from the first update on; foreign if somebody else changed it.
	changed bool
	foreign error
}

// state is what bench changes of a function.
type state struct {
	token    string
	memoryMB int
	image    string
}

func newFunction(c *Client, f *Facts, extra map[string]string, journal func() error) *function {
	fn := &function{
		c: c, name: f.Ref.Name, journal: journal, extra: extra,
		variables: map[string]string{}, memoryMB: f.MemoryMB,
		now:      state{memoryMB: f.MemoryMB, image: f.ImageID},
		revision: aws.ToString(f.config.RevisionId), rest: restOf(f.config), code: aws.ToString(f.config.CodeSha256),
	}
	if e := f.config.Environment; e != nil {
		maps.Copy(fn.variables, e.Variables)
	}
	if ourToken(fn.variables[TokenKey]) {
		delete(fn.variables, TokenKey)
	}
	return fn
}

// restOf describes the members of a configuration that bench never changes.
func restOf(cfg *types.FunctionConfiguration) map[string]string {
	rest := map[string]string{}
	for name, v := range map[string]any{
		"Handler": cfg.Handler, "Role": cfg.Role, "Timeout": cfg.Timeout, "Runtime": cfg.Runtime, "Layers": cfg.Layers,
		"EphemeralStorage": cfg.EphemeralStorage, "Architectures": cfg.Architectures, "Description": cfg.Description,
		"KMSKeyArn": cfg.KMSKeyArn, "LoggingConfig": cfg.LoggingConfig, "PackageType": cfg.PackageType, "DeadLetterConfig": cfg.DeadLetterConfig,
	} {
		text, _ := json.Marshal(v) // plain data
		rest[name] = string(text)
	}
	return rest
}

func (f *function) environment(s state) map[string]string {
	vars := maps.Clone(f.variables)
	maps.Copy(vars, f.extra)
	if s.token != "" {
		vars[TokenKey] = s.token
	}
	return vars
}

// update sets a token and a memory size: no invocation after it is served by an older
// environment.
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
	f.c.changed.add(f.name, f.redeploys)
	want := f.now
	want.token, want.memoryMB = token, memoryMB
	return f.change(ctx, want, "UpdateFunctionConfiguration", func(revision *string) (*string, error) {
		in := &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String(f.name), RevisionId: revision,
			Environment: &types.Environment{Variables: f.environment(want)},
		}
		if memoryMB != f.now.memoryMB {
			in.MemorySize = aws.Int32(int32(memoryMB))
		}
		out, err := f.c.control.UpdateFunctionConfiguration(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.RevisionId, nil
	})
}

// change makes an update and returns when the function has the wanted state. send sends it
// for a revision, nil for any, and returns the new one.
func (f *function) change(ctx context.Context, want state, operation string, send func(revision *string) (*string, error)) error {
	if err := f.lookAgain(ctx); err != nil {
		return err
	}
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := send(optional(f.revision))
		switch k := kindOf(err); {
		case err == nil:
			f.revision = aws.ToString(next)
			return f.wait(ctx, want)
		case (k == kindRevision || k == kindConflict) && try < 5:
			// Ours, sent twice by the SDK because its answer was lost? Or the end
			// of an update, which is a new revision? Or somebody else's.
			took, err := f.reread(ctx, want)
			if err != nil || took {
				return err
			}
		case k == kindConnection || k == kindCanceled:
			f.attempted, f.unsure = &want, true
			fallthrough
		default:
			return explain("updating function "+f.name, "lambda", operation, err)
		}
	}
}

// lookAgain finds out which state a function is in whose last update failed.
func (f *function) lookAgain(ctx context.Context) error {
	if f.attempted == nil {
		return nil
	}
	out, err := f.c.settledAnyhow(ctx, Ref{Name: f.name})
	switch {
	case err != nil:
		return err
	case out == nil:
		return fmt.Errorf("function %s does not exist any more", f.name)
	}
	_, err = f.recognize(out, f.now, *f.attempted)
	return err
}

// recognize finds out in which of some states a function is. In none it is somebody else's.
func (f *function) recognize(out *lambda.GetFunctionOutput, states ...state) (state, error) {
	for _, s := range states {
		if len(f.differs(out, s)) == 0 {
			f.take(out, s)
			return s, nil
		}
	}
	return state{}, f.disown(f.differs(out, f.now))
}

// reread looks at the function after an update was refused. It is true if the update is made.
func (f *function) reread(ctx context.Context, want state) (bool, error) {
	out, err := f.c.settled(ctx, Ref{Name: f.name})
	if err != nil {
		return false, err
	}
	s, err := f.recognize(out, want, f.now)
	return s == want, err
}

func (f *function) disown(members []string) error {
	f.foreign = advice.Hint(fmt.Errorf("function %s: %w while it was measured (%s); it is left as it is", f.name, ErrForeign, strings.Join(members, ", ")),
		"bench aws --restore takes bench's variable off it again")
	return f.foreign
}

func (f *function) wait(ctx context.Context, want state) error {
	out, err := f.c.settled(ctx, Ref{Name: f.name})
	if err != nil {
		f.attempted = &want
		return err
	}
	if f.c.rehearsal != "" {
		// Another endpoint may change more with an update than was asked for.
		f.rest, f.code = restOf(out.Configuration), aws.ToString(out.Configuration.CodeSha256)
	}
	if members := f.differs(out, want); len(members) > 0 {
		return f.disown(members)
	}
	f.take(out, want)
	return nil
}

// differs names the members in which a function is not what bench left.
func (f *function) differs(out *lambda.GetFunctionOutput, s state) []string {
	cfg := out.Configuration
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
	var members []string
	note := func(name string, same bool) {
		if !same {
			members = append(members, name)
		}
	}
	note("Environment", maps.Equal(have, want))
	note("MemorySize", int(aws.ToInt32(cfg.MemorySize)) == s.memoryMB)
	if f.redeploys {
		note("Code", codeID(out) == s.image)
	} else {
		note("CodeSha256", aws.ToString(cfg.CodeSha256) == f.code)
	}
	rest := restOf(cfg)
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		note(name, rest[name] == f.rest[name])
	}
	return members
}

func (f *function) take(out *lambda.GetFunctionOutput, s state) {
	f.now, f.revision, f.attempted = s, aws.ToString(out.Configuration.RevisionId), nil
}

func (f *function) restore(ctx context.Context, c *Client) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.changed:
		return nil
	case f.foreign != nil:
		return f.foreign
	}
	sizes := []int{f.now.memoryMB}
	if f.attempted != nil {
		sizes = append(sizes, f.attempted.memoryMB)
	}
	err := c.restore(ctx, journaledState{Name: f.name, Keys: f.keys(), MemoryMB: f.memoryMB, Sizes: sizes, Image: f.own, Images: f.images}, f.unsure)
	if err == nil {
		f.changed = false
	}
	return err
}

// keys are the names of the variables that bench adds.
func (f *function) keys() []string {
	return append([]string{TokenKey}, slices.Sorted(maps.Keys(f.extra))...)
}
