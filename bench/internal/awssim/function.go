package awssim

import (
	"cmp"
	"strings"
	"time"

	"coldbench/bench/runtimeapi"
)

// function is a function with its versions. The Server's lock guards it.
type function struct {
	name   string
	latest *version
	// deployed is what Deploy made it; zero for a function that a client made.
	deployed  configuration
	published []*version
	number    int
	aliases   map[string]*alias
	reserved  *int
	running   int
	// colds counts environments for draws of latencies, started holds their code.
	colds   int
	started map[string]bool
}

// alias is a name for a version; weights says how often another one is meant.
type alias struct {
	version, description, revision string
	weights                        map[string]float64
	invoked                        int
}

type version struct {
	number string
	cfg    configuration
	// serving is the old configuration during an update, nil during creation.
	serving *deployment
	// state is Pending, Active, Inactive or Failed.
	state    string
	ahead    int
	modified time.Time
	revision string
	update   *update
}

type update struct {
	began, until time.Time
	seen         bool
	create       bool
	// stale has one more invocation served by an environment of before the update.
	stale bool
	// next is what it puts into service if that exists already.
	next *deployment
}

// unseen is how long an update without a delay goes on if nobody asks.
const unseen = time.Second

// deployment is one configuration that is served, and its idle environments.
type deployment struct {
	f       *function
	cfg     configuration
	number  string
	idle    []*environment
	retired bool
	// before is the deployment that serves one more invocation; nil for none.
	before *deployment
}

func (s *Server) begin(v *version, cfg configuration, delay time.Duration) {
	now := s.now()
	v.cfg, v.modified, v.revision = cfg, now, runtimeapi.NewRequestID()
	v.update = &update{began: now, until: now.Add(delay), create: v.serving == nil}
	if v.update.create {
		v.state = "Pending"
	}
}

func (f *function) versions() []*version { return append([]*version{f.latest}, f.published...) }

// settle ends the updates of a function that are through.
func (s *Server) settle(f *function) {
	now := s.now()
	for _, v := range f.versions() {
		if u := v.update; u != nil && !now.Before(u.until) && (u.seen || now.Sub(u.began) >= unseen) {
			s.finish(f, v)
		}
	}
}

// finish puts a version's configuration into service.
func (s *Server) finish(f *function, v *version) {
	u, old := v.update, v.serving
	v.update, v.state = nil, "Active"
	v.revision = runtimeapi.NewRequestID()
	if v.serving = u.next; v.serving == nil {
		v.serving = &deployment{f: f, cfg: v.cfg, number: v.number}
	}
	if u.stale && old != nil && len(old.idle) > 0 {
		s.retire(old.before)
		old.before, v.serving.before = nil, old
		return
	}
	s.retire(old)
}

// retire drops a deployment's environments; those that serve are dropped afterwards.
func (s *Server) retire(d *deployment) {
	if d == nil {
		return
	}
	s.retire(d.before)
	d.retired, d.before = true, nil
	for _, e := range d.idle {
		s.dispose(e)
	}
	d.idle = nil
}

// find resolves a name and a qualifier as a request gives them.
func (s *Server) find(name, qualifier string) (*function, *version, error) {
	name, inName := splitName(name)
	qualifier = cmp.Or(qualifier, inName)
	f := s.functions[name]
	if f == nil {
		return nil, nil, s.missing(name, qualifier)
	}
	s.settle(f)
	number := qualifier
	if a := f.aliases[qualifier]; a != nil {
		number = a.version
	}
	if v := f.version(number); v != nil {
		return f, v, nil
	}
	return nil, nil, s.missing(name, qualifier)
}

func (f *function) version(number string) *version {
	for _, v := range f.versions() {
		if v.number == cmp.Or(number, "$LATEST") {
			return v
		}
	}
	return nil
}

// splitName reads NAME, NAME:QUALIFIER, ACCOUNT:function:NAME and the ARN.
func splitName(text string) (name, qualifier string) {
	if _, rest, ok := strings.Cut(text, ":function:"); ok {
		text = rest
	}
	name, qualifier, _ = strings.Cut(text, ":")
	return name, qualifier
}

func (s *Server) arn(name, qualifier string) string {
	arn := "arn:aws:lambda:" + s.o.Region + ":" + Account + ":function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

// busy says why a version can't be changed; empty where it can.
func (s *Server) busy(f *function, v *version) string {
	switch {
	case v.state == "Pending":
		return "The operation cannot be performed at this time. The function is currently in the following state: Pending"
	case v.update != nil:
		return "The operation cannot be performed at this time. An update is in progress for resource: " + s.arn(f.name, "")
	}
	return ""
}
