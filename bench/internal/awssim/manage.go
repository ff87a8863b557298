package awssim

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"time"
)

// code is where the code of a function comes from.
type code struct {
	ImageURI string `json:"ImageUri"`
	ZipFile  []byte
	S3Bucket string
}

func invalid(err error) reply { return refusal(400, "InvalidParameterValueException", err.Error()) }

// load returns the configuration with the code.
func (s *Server) load(c configuration, from code, arch string) (configuration, error) {
	switch {
	case len(from.ZipFile) > 0:
		img, err := s.unzip(from.ZipFile, arch)
		if err != nil {
			return c, err
		}
		c = c.coded(img, "")
		sum := sha256.Sum256(from.ZipFile)
		c.zip, c.codeSize, c.codeSHA256 = true, int64(len(from.ZipFile)), base64.StdEncoding.EncodeToString(sum[:])
		return c, nil
	case from.ImageURI != "":
		img, err := s.image(from.ImageURI)
		if err != nil {
			return c, err
		}
		if arch != "" && img.Arch != arch {
			return c, complain("the image manifest, config or layer media type for the source image %s is not supported: it is for %s", from.ImageURI, img.Arch)
		}
		c = c.coded(img, from.ImageURI)
		s.mu.Lock()
		s.remember(c)
		s.mu.Unlock()
		return c, nil
	}
	return c, complain("the rehearsal takes code from ImageUri and ZipFile only")
}

// archOf reads the architectures of a request; empty for none.
func archOf(list []string) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	if len(list) > 1 || list[0] != "x86_64" && list[0] != "arm64" {
		return "", complain("1 validation error detected: Value at 'architectures' failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]")
	}
	if list[0] == "x86_64" {
		return "amd64", nil
	}
	return list[0], nil
}

func (s *Server) createFunction(c *call) reply {
	var in struct {
		settings
		FunctionName, PackageType string
		Architectures             []string
		Code                      code
		Publish                   bool
	}
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	name, _ := splitName(in.FunctionName)
	if !functionName(name) {
		return refusalf(400, "InvalidParameterValueException", "1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint", name)
	}
	s.mu.Lock()
	there := s.functions[name] != nil
	s.mu.Unlock()
	if there {
		return refusal(409, "ResourceConflictException", "Function already exist: "+name)
	}
	arch, err := archOf(in.Architectures)
	if err != nil {
		return invalid(err)
	}
	cfg, err := s.load(s.defaults(name), in.Code, cmp.Or(arch, "amd64"))
	if err != nil {
		return invalid(err)
	}
	if cfg.zip != (in.PackageType == "" || in.PackageType == "Zip") {
		return invalid(complain("the package type is not that of the code"))
	}
	if cfg, err = cfg.apply(in.settings); err != nil {
		return invalid(err)
	}
	if cfg.zip && (cfg.runtime == "" || cfg.handler == "") {
		return invalid(complain("Runtime and Handler are mandatory parameters for functions created with deployment packages."))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.functions[name] != nil {
		return refusal(409, "ResourceConflictException", "Function already exist: "+name)
	}
	f := newFunction(name)
	s.functions[name] = f
	s.begin(f.latest, cfg, c.delay())
	if in.Publish {
		return answer(201, s.describe(f, s.publish(f, ""), ""))
	}
	return answer(201, s.describe(f, f.latest, ""))
}

// delay is how long an update takes beyond the time in which it is seen.
func (c *call) delay() time.Duration {
	if c.fault.slow {
		return c.fault.slowly
	}
	return 0
}

// guard finds the function that a call changes, and says why it can't be: it is
// being changed, or another revision is meant. The lock is held.
func (s *Server) guard(c *call, revision string) (*function, reply, bool) {
	f, v, bad := s.find(c.name, c.qualifier())
	switch {
	case f == nil:
		return nil, bad, false
	case v != f.latest:
		return nil, invalid(complain("$LATEST is the only version that can be changed")), false
	}
	if why := s.busy(f, v); why != "" {
		return nil, refusal(409, "ResourceConflictException", why), false
	}
	if revision != "" && revision != v.revision {
		return nil, refusal(412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"), false
	}
	return f, reply{}, true
}

func (s *Server) updateFunctionConfiguration(c *call) reply {
	var in settings
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, bad, ok := s.guard(c, in.RevisionID)
	if !ok {
		return bad
	}
	cfg, err := f.latest.cfg.apply(in)
	if err != nil {
		return invalid(err)
	}
	s.update(c, f, cfg)
	return answer(200, s.describe(f, f.latest, ""))
}

// update begins an update and counts one that is slow on purpose.
func (s *Server) update(c *call, f *function, cfg configuration) {
	if c.fault.slow {
		s.stats.Faults["slow"]++
	}
	s.begin(f.latest, cfg, c.delay())
	u := f.latest.update
	if c.fault.stale {
		s.stats.Faults["stale"]++
		u.stale = true
	}
	if c.fault.ahead {
		s.stats.Faults["ahead"]++
		u.until = u.began.Add(max(c.delay(), aheadBy))
		u.next = &deployment{f: f, cfg: cfg, number: f.latest.number}
		s.prepare(u.next, onDemand, 1)
	}
}

func (s *Server) updateFunctionCode(c *call) reply {
	var in struct {
		code
		Architectures   []string
		DryRun, Publish bool
		RevisionID      string `json:"RevisionId"`
	}
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	arch, err := archOf(in.Architectures)
	if err != nil {
		return invalid(err)
	}
	s.mu.Lock()
	f, bad, ok := s.guard(c, in.RevisionID)
	if !ok {
		s.mu.Unlock()
		return bad
	}
	cfg := f.latest.cfg
	s.mu.Unlock()
	coded, err := s.load(cfg, in.code, cmp.Or(arch, cfg.image.Arch))
	if err == nil && coded.zip != cfg.zip {
		err = complain("the package type of a function can't be changed")
	}
	if err != nil {
		return invalid(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, bad, ok = s.guard(c, in.RevisionID); !ok {
		return bad
	}
	if in.DryRun {
		return answer(200, s.describe(f, f.latest, ""))
	}
	s.update(c, f, coded)
	if in.Publish {
		return answer(200, s.describe(f, s.publish(f, ""), ""))
	}
	return answer(200, s.describe(f, f.latest, ""))
}

func (s *Server) getFunction(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, v, bad := s.find(c.name, c.qualifier())
	if f == nil {
		return bad
	}
	cfg := v.cfg
	location := map[string]any{"RepositoryType": "S3", "Location": "https://rehearsal.invalid/" + f.name}
	if !cfg.zip {
		location = map[string]any{"RepositoryType": "ECR", "ImageUri": cfg.imageURI, "ResolvedImageUri": Repository(s.o.Region) + "@sha256:" + cfg.codeSHA256}
	}
	out := map[string]any{"Configuration": s.shown(f, v, c.qualifier()), "Code": location}
	if f.reserved != nil {
		out["Concurrency"] = reserved{*f.reserved}
	}
	return answer(200, out)
}

func (s *Server) getFunctionConfiguration(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, v, bad := s.find(c.name, c.qualifier())
	if f == nil {
		return bad
	}
	return answer(200, s.shown(f, v, c.qualifier()))
}

func (s *Server) listFunctions(*call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []described{}
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		f := s.functions[name]
		s.settle(f)
		list = append(list, s.describe(f, f.latest, ""))
	}
	return answer(200, map[string]any{"Functions": list})
}

func (s *Server) deleteFunction(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[c.name]; f != nil && f.aliases[c.qualifier()] != nil {
		return invalid(complain("the qualifier of DeleteFunction is a version"))
	}
	f, v, bad := s.find(c.name, c.qualifier())
	if f == nil {
		return bad
	}
	if c.qualifier() == "" {
		s.drop(f)
		delete(s.functions, f.name)
		return reply{status: 204}
	}
	if v == f.latest {
		return invalid(complain("$LATEST version cannot be deleted without deleting the function."))
	}
	for name, a := range f.aliases {
		if a.version == v.number {
			return refusal(409, "ResourceConflictException", "Version "+v.number+" is referenced by alias "+name)
		}
	}
	s.retire(v.serving)
	f.published = slices.DeleteFunc(f.published, func(p *version) bool { return p == v })
	return reply{status: 204}
}
