package awslambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// Setup says how functions are measured.
type Setup struct {
	// Strategy is one of coldstart.Strategies.
	Strategy string
	// Idle is how long a function is left alone with that strategy.
	Idle time.Duration
	// Expect is a text that every answer has to contain; empty for any answer.
	Expect string
	// Concurrency is how many environments a burst may start at once; at least 1.
	Concurrency int
	// Images are the digests that code-update may deploy, of the function's own repository.
	Images map[Ref][]string
}

// Session is a measurement that was begun and not restored. Its images name functions by Ref.
type Session struct {
	c         *Client
	inventory *Inventory
	setup     Setup

	mu        sync.Mutex
	functions map[string]*function
	journal   *openJournal
	closed    bool
	proactive int
	// seen and last are the session's, because configurations may share a function.
	seen map[instance]bool
	last map[Ref]time.Time
}

type instance struct{ function, id string }

var _ coldstart.Backend = (*Session)(nil)

// Begin starts a session. Nothing is changed before the first Start.
func (c *Client) Begin(s *Inventory, setup Setup) *Session {
	setup.Concurrency = max(setup.Concurrency, 1)
	return &Session{c: c, inventory: s, setup: setup, functions: map[string]*function{}, seen: map[instance]bool{}, last: map[Ref]time.Time{}}
}

// Open prepares a configuration of the function img.Ref, whose timeout and limits are its own.
func (k *Session) Open(ctx context.Context, cfg coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	ref, err := ParseRef(img.Ref, "")
	if err != nil {
		return nil, err
	}
	facts := k.inventory.Functions[ref]
	if facts == nil {
		return nil, fmt.Errorf("opening %v: function %s is not in the inventory", cfg, ref)
	}
	if err := k.Check(facts, cfg, o.Environment); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.functions[ref.Name]
	if f == nil {
		f = newFunction(k.c, k.updated(facts), maps.Clone(o.Environment), k.writeJournal)
		if k.setup.Strategy == coldstart.StrategyCodeUpdate {
			f.redeploys, f.own, f.images = true, facts.ImageURI, k.setup.Images[ref]
		}
		k.functions[ref.Name] = f
	}
	if !slices.Contains(f.sizes, cfg.MemoryMB) {
		f.sizes = append(f.sizes, cfg.MemoryMB)
	}
	return &target{session: k, config: cfg, facts: facts, function: f, payload: o.Payload, log: o.Log}, nil
}

// Check says why a configuration can't be measured; nil if it can. extra is --env.
func (k *Session) Check(f *Facts, cfg coldstart.Config, extra map[string]string) error {
	if f.Arch != cfg.Arch {
		return advice.Hint(fmt.Errorf("function %s is of architecture %s, not %s", f.Ref, f.Arch, cfg.Arch), "--arch "+f.Arch)
	}
	if k.setup.Strategy == coldstart.StrategyCodeUpdate {
		if err := redeployable(f); err != nil {
			return err
		}
	}
	if k.setup.updates(f.Ref) {
		base := k.updated(f)
		switch {
		case base == nil:
			return fmt.Errorf("function %s is not in the inventory without its qualifier", f.Ref)
		case base.ImageID != f.ImageID:
			return advice.Hint(fmt.Errorf("%s is of other code than function %s, which strategy %s publishes", f.Ref, base.Ref, k.setup.Strategy), "--strategy burst or idle")
		}
		add := map[string]string{TokenKey: newToken()}
		maps.Copy(add, extra)
		return base.Updatable(add)
	}
	switch {
	case f.MemoryMB != cfg.MemoryMB:
		return advice.Hint(fmt.Errorf("function %s has %d MB; with strategy %s its memory size is not changed", f.Ref, f.MemoryMB, k.setup.Strategy), fmt.Sprintf("--memory %d", f.MemoryMB))
	case len(extra) > 0:
		return fmt.Errorf("function %s: --env needs an update, which strategy %s does not make", f.Ref, k.setup.Strategy)
	}
	return nil
}

// updated returns the facts of what is updated for a function: of a version that is
// published anew, the function without the qualifier; nil if that is not in the inventory.
func (k *Session) updated(f *Facts) *Facts {
	if k.setup.Strategy == coldstart.StrategyVersion && f.Ref.Qualifier != "" {
		return k.inventory.Functions[Ref{Name: f.Ref.Name}]
	}
	return f
}

func (k *Session) isNew(i instance) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.seen[i]
	k.seen[i] = true
	return !was
}

func (k *Session) invoked(ref Ref) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last[ref] = k.c.clock.Now()
}

// idle returns how long a function was left alone; 0 before its first invocation.
func (k *Session) idle(ref Ref) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, ok := k.last[ref]
	if !ok {
		return 0
	}
	return k.c.clock.Now().Sub(last)
}

func (s Setup) updates(ref Ref) bool {
	switch s.Strategy {
	case coldstart.StrategyIdle:
		return false
	case coldstart.StrategyBurst:
		return ref.Qualifier == ""
	}
	return true
}

// writeJournal puts the journal on disk before the first update of all.
func (k *Session) writeJournal() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.journal != nil {
		return nil
	}
	if k.closed {
		return errors.New("the session is over")
	}
	j := journal{Region: k.c.region, Endpoint: k.c.endpoint}
	for _, name := range slices.Sorted(maps.Keys(k.functions)) {
		f := k.functions[name]
		s := journaledState{Name: name, Keys: f.keys(), MemoryMB: f.memoryMB, Sizes: f.sizes, RevisionID: f.revision, Image: f.own, Images: f.images}
		if k.setup.Strategy == coldstart.StrategyVersion {
			s.Versions = versionNote
		}
		j.Functions = append(j.Functions, s)
	}
	opened, err := writeJournal(k.c.o.JournalDir, k.c.clock.Now(), j)
	k.journal = opened
	return err
}

// Wake invokes functions that are inactive, and waits until they can be measured.
func (k *Session) Wake(ctx context.Context, refs []Ref) error {
	for _, ref := range refs {
		f := k.inventory.Functions[ref]
		if f == nil || !f.Inactive {
			continue
		}
		// The first invocation of an inactive function fails, and wakes it.
		_, err := k.c.invoke(ctx, ref, []byte("{}"), f.Timeout)
		if fatal(err) {
			return explain("waking function "+ref.String(), "lambda", "InvokeFunction", err)
		}
		began := k.c.clock.Now()
		out, err := k.c.settled(ctx, ref)
		for err == nil && out.Configuration.State == types.StateInactive {
			if k.c.clock.Now().Sub(began) > k.c.o.Patience {
				return fmt.Errorf("waking function %s: still inactive after %s", ref, k.c.o.Patience)
			}
			if err = k.c.clock.Sleep(ctx, time.Second); err == nil {
				out, err = k.c.settled(ctx, ref)
			}
		}
		if err != nil {
			return err
		}
		// What the waking changed is not somebody else's doing.
		f.config, f.Inactive = out.Configuration, false
	}
	return nil
}

// Close restores every function. It may be called twice.
func (k *Session) Close() error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return nil
	}
	k.closed = true
	k.mu.Unlock()
	if k.journal == nil {
		return nil // nothing was changed
	}
	var failed error
	var left []journaledState
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, s := range k.journal.Functions {
		f := k.functions[s.Name]
		wg.Go(func() {
			err := k.c.hurriedly(func(ctx context.Context, c *Client) error {
				err := f.restore(ctx, c)
				if err == nil && s.Versions != "" {
					err = c.deleteVersions(ctx, s.Name, s.Versions)
				}
				if err == nil && f.publishing {
					err = fmt.Errorf("deleting the versions of %s: one may still be published: a request was not answered", s.Name)
				}
				return err
			})
			if err == nil {
				k.c.changed.remove(s.Name)
			} else {
				mu.Lock()
				defer mu.Unlock()
				failed = joinOnce(failed, err)
				left = append(left, s)
			}
		})
	}
	wg.Wait()
	if failed != nil {
		slices.SortFunc(left, func(a, b journaledState) int { return cmp.Compare(a.Name, b.Name) })
		k.journal.Functions = left
		failed = errors.Join(failed, k.journal.save())
		k.journal.close()
		return k.c.unrestored(left, failed)
	}
	return k.journal.done()
}

// Warnings are what a reader of the run should know of it.
func (k *Session) Warnings() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var w []string
	if k.proactive > 0 {
		w = append(w, fmt.Sprintf("%d cold starts were initialized by Lambda before they were asked for: their client time is left out", k.proactive))
	}
	counts := k.c.Counts()
	for _, operation := range slices.Sorted(maps.Keys(counts)) {
		n := counts[operation]
		if operation != "Invoke" && n.Throttled+n.Failed > 0 {
			w = append(w, fmt.Sprintf("%s: %d of %d calls refused for their rate, %d by the server; they were tried again", operation, n.Throttled, n.Attempts, n.Failed))
		}
	}
	return w
}
