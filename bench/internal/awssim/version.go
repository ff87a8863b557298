package awssim

import (
	"cmp"
	"maps"
	"slices"

	"coldbench/bench/runtimeapi"
)

// publish makes a version of $LATEST, or returns the last one, where nothing has
// changed since. Publishing is a new revision.
func (s *Server) publish(f *function, description string) *version {
	if n := len(f.published); n > 0 && f.published[n-1].from(f.latest.cfg) {
		return f.published[n-1]
	}
	cfg := f.latest.cfg
	if description != "" {
		cfg.description = description
	}
	v := &version{number: f.versionNumber()}
	s.begin(v, cfg, 0)
	f.published = append(f.published, v)
	f.latest.revision = runtimeapi.NewRequestID()
	return v
}

// from says whether a version is of a configuration, descriptions aside.
func (v *version) from(cfg configuration) bool {
	cfg.description = v.cfg.description
	return v.cfg.same(cfg)
}

func (s *Server) publishVersion(c *call) reply {
	var in struct {
		CodeSha256, Description string
		RevisionID              string `json:"RevisionId"`
	}
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, bad, ok := s.guard(c, in.RevisionID)
	if !ok {
		return bad
	}
	if in.CodeSha256 != "" && in.CodeSha256 != f.latest.cfg.codeSHA256 {
		return invalid(complain("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", in.CodeSha256, f.latest.cfg.codeSHA256))
	}
	v := s.publish(f, in.Description)
	return answer(201, s.describe(f, v, v.number))
}

func (s *Server) listVersions(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, bad := s.find(c.name, "")
	if f == nil {
		return bad
	}
	all := append([]*version{f.latest}, f.published...)
	list := []described{}
	next := ""
	for _, v := range all {
		if marker := c.query.Get("Marker"); marker != "" && len(list) == 0 && v.number != marker {
			continue
		}
		if len(list) == 50 { // Lambda's page
			next = v.number
			break
		}
		list = append(list, s.describe(f, v, v.number))
	}
	out := map[string]any{"Versions": list}
	if next != "" {
		out["NextMarker"] = next
	}
	return answer(200, out)
}

// aliasDocument is an alias of Lambda's interface.
type aliasDocument struct {
	AliasArn, Name, FunctionVersion string
	Description                     string
	RevisionID                      string         `json:"RevisionId"`
	RoutingConfig                   *routingConfig `json:",omitempty"`
}

// routingConfig says how often an alias stands for another version.
type routingConfig struct{ AdditionalVersionWeights map[string]float64 }

// check says what Lambda would say is wrong.
func (r *routingConfig) check(f *function) error {
	if r == nil {
		return nil
	}
	if len(r.AdditionalVersionWeights) > 1 {
		return complain("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for number, w := range r.AdditionalVersionWeights {
		if !(w >= 0 && w <= 1) || number == "$LATEST" || f.version(number) == nil {
			return complain("Invalid AdditionalVersionWeights: %s with %g", number, w)
		}
	}
	return nil
}

// routed returns the version that an invocation of a qualifier reaches.
func (s *Server) routed(f *function, v *version, qualifier string) *version {
	a := f.aliases[qualifier]
	if a == nil {
		return v
	}
	a.invoked++
	for number, w := range a.weights { // one at the most
		if newRNG(s.o.Seed, "alias", f.name+":"+qualifier, a.invoked).strikes(w) {
			return f.version(number)
		}
	}
	return v
}

func (s *Server) aliasOf(f *function, name string) aliasDocument {
	a := f.aliases[name]
	d := aliasDocument{s.arn(f.name, name), name, a.version, a.description, a.revision, nil}
	if len(a.weights) > 0 {
		d.RoutingConfig = &routingConfig{a.weights}
	}
	return d
}

func (s *Server) createAlias(c *call) reply {
	var in struct {
		Name, FunctionVersion, Description string
		RoutingConfig                      *routingConfig
	}
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, bad := s.find(c.name, in.FunctionVersion)
	switch {
	case f == nil:
		return bad
	case !functionName(in.Name) || in.Name[0] >= '0' && in.Name[0] <= '9':
		return invalid(complain("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint", in.Name))
	case f.aliases[in.Name] != nil:
		return refusal(409, "ResourceConflictException", "Alias already exists: "+s.arn(f.name, in.Name))
	}
	if err := in.RoutingConfig.check(f); err != nil {
		return invalid(err)
	}
	a := &alias{version: in.FunctionVersion, description: in.Description, revision: runtimeapi.NewRequestID()}
	if in.RoutingConfig != nil {
		a.weights = in.RoutingConfig.AdditionalVersionWeights
	}
	f.aliases[in.Name] = a
	return answer(201, s.aliasOf(f, in.Name))
}

// anAlias finds the alias of a call. The lock is held.
func (s *Server) anAlias(c *call) (*function, reply) {
	f, _, bad := s.find(c.name, "")
	if f == nil {
		return nil, bad
	}
	if f.aliases[c.rest] == nil {
		return nil, refusal(404, "ResourceNotFoundException", "Cannot find alias arn: "+s.arn(f.name, c.rest))
	}
	return f, reply{}
}

func (s *Server) getAlias(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, bad := s.anAlias(c)
	if f == nil {
		return bad
	}
	return answer(200, s.aliasOf(f, c.rest))
}

func (s *Server) updateAlias(c *call) reply {
	var in struct {
		FunctionVersion, Description string
		RevisionID                   string `json:"RevisionId"`
		RoutingConfig                *routingConfig
	}
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, bad := s.anAlias(c)
	if f == nil {
		return bad
	}
	a := f.aliases[c.rest]
	if in.RevisionID != "" && in.RevisionID != a.revision {
		return refusal(412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetAlias API to retrieve the latest Revision Id")
	}
	to := cmp.Or(in.FunctionVersion, a.version)
	if g, _, bad := s.find(c.name, to); g == nil {
		return bad
	}
	if err := in.RoutingConfig.check(f); err != nil {
		return invalid(err)
	}
	a.version, a.description, a.revision = to, cmp.Or(in.Description, a.description), runtimeapi.NewRequestID()
	if in.RoutingConfig != nil {
		a.weights = in.RoutingConfig.AdditionalVersionWeights
	}
	return answer(200, s.aliasOf(f, c.rest))
}

func (s *Server) deleteAlias(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, bad := s.anAlias(c)
	if f == nil {
		return bad
	}
	delete(f.aliases, c.rest)
	return reply{status: 204}
}

func (s *Server) listAliases(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, bad := s.find(c.name, "")
	if f == nil {
		return bad
	}
	list := []aliasDocument{}
	for _, name := range slices.Sorted(maps.Keys(f.aliases)) {
		list = append(list, s.aliasOf(f, name))
	}
	return answer(200, map[string]any{"Aliases": list})
}
