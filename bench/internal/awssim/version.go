package awssim

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"coldbench/bench/runtimeapi"
)

// publish makes a version of $LATEST, or returns the last one if nothing has changed.
func (s *Server) publish(f *function, description string) *version {
	if n := len(f.published); n > 0 && f.published[n-1].from(f.latest.cfg) {
		return f.published[n-1]
	}
	cfg := f.latest.cfg
	if description != "" {
		cfg.description = description
	}
	f.number++
	v := &version{number: strconv.Itoa(f.number)}
	s.begin(v, cfg, 0)
	f.published = append(f.published, v)
	f.latest.revision = runtimeapi.NewRequestID()
	return v
}

// from says whether a version is of a configuration, descriptions aside.
func (v *version) from(cfg configuration) bool {
	cfg.description = v.cfg.description
	return reflect.DeepEqual(v.cfg, cfg)
}

type publishRequest struct {
	CodeSha256, Description string
	RevisionID              string `json:"RevisionId"`
}

func (s *Server) publishVersion(c *call, in publishRequest) (any, error) {
	if err := s.guard(c, in.RevisionID); err != nil {
		return nil, err
	}
	if in.CodeSha256 != "" && in.CodeSha256 != c.v.cfg.codeSHA256 {
		return nil, complain("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", in.CodeSha256, c.v.cfg.codeSHA256)
	}
	v := s.publish(c.f, in.Description)
	return s.describe(c.f, v, v.number), nil
}

func (s *Server) listVersions(c *call, _ none) (any, error) {
	list := []described{}
	out := map[string]any{}
	for _, v := range c.f.versions() {
		if marker := c.query.Get("Marker"); marker != "" && len(list) == 0 && v.number != marker {
			continue
		}
		if len(list) == 50 { // Lambda's page
			out["NextMarker"] = v.number
			break
		}
		list = append(list, s.describe(c.f, v, v.number))
	}
	out["Versions"] = list
	return out, nil
}

type aliasDocument struct {
	AliasArn, Name, FunctionVersion string
	Description                     string
	RevisionID                      string         `json:"RevisionId"`
	RoutingConfig                   *routingConfig `json:",omitempty"`
}

type routingConfig struct{ AdditionalVersionWeights map[string]float64 }

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

type aliasRequest struct {
	Name, FunctionVersion, Description string
	RevisionID                         string `json:"RevisionId"`
	RoutingConfig                      *routingConfig
}

func (s *Server) createAlias(c *call, in aliasRequest) (any, error) {
	f, _, err := s.find(c.name, in.FunctionVersion)
	switch {
	case err != nil:
		return nil, err
	case !functionName.MatchString(in.Name) || in.Name[0] >= '0' && in.Name[0] <= '9':
		return nil, complain("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint", in.Name)
	case f.aliases[in.Name] != nil:
		return nil, refusal(409, "ResourceConflictException", "Alias already exists: "+s.arn(f.name, in.Name))
	}
	a := &alias{}
	if err := a.set(f, in.FunctionVersion, in); err != nil {
		return nil, err
	}
	f.aliases[in.Name] = a
	return s.aliasOf(f, in.Name), nil
}

// set makes an alias what a request says, and a new revision.
func (a *alias) set(f *function, to string, in aliasRequest) error {
	if err := in.RoutingConfig.check(f); err != nil {
		return err
	}
	a.version, a.description, a.revision = to, cmp.Or(in.Description, a.description), runtimeapi.NewRequestID()
	if in.RoutingConfig != nil {
		a.weights = in.RoutingConfig.AdditionalVersionWeights
	}
	return nil
}

func (s *Server) anAlias(c *call) (*alias, error) {
	a := c.f.aliases[c.rest]
	if a == nil {
		return nil, refusal(404, "ResourceNotFoundException", "Cannot find alias arn: "+s.arn(c.name, c.rest))
	}
	return a, nil
}

func (s *Server) getAlias(c *call, _ none) (any, error) {
	if _, err := s.anAlias(c); err != nil {
		return nil, err
	}
	return s.aliasOf(c.f, c.rest), nil
}

func (s *Server) updateAlias(c *call, in aliasRequest) (any, error) {
	a, err := s.anAlias(c)
	if err != nil {
		return nil, err
	}
	if err := checkRevision(in.RevisionID, a.revision, "GetAlias"); err != nil {
		return nil, err
	}
	to := cmp.Or(in.FunctionVersion, a.version)
	if _, _, err := s.find(c.name, to); err != nil {
		return nil, err
	}
	if err := a.set(c.f, to, in); err != nil {
		return nil, err
	}
	return s.aliasOf(c.f, c.rest), nil
}

func (s *Server) deleteAlias(c *call, _ none) (any, error) {
	_, err := s.anAlias(c)
	delete(c.f.aliases, c.rest)
	return nil, err
}

func (s *Server) listAliases(c *call, _ none) (any, error) {
	list := []aliasDocument{}
	for _, name := range slices.Sorted(maps.Keys(c.f.aliases)) {
		list = append(list, s.aliasOf(c.f, name))
	}
	return map[string]any{"Aliases": list}, nil
}
