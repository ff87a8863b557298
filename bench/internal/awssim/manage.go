package awssim

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"time"
)

type code struct {
	ImageURI string `json:"ImageUri"`
	ZipFile  []byte
}

// load returns the configuration with the code. It unlocks while it looks for it.
func (s *Server) load(c configuration, from code, arch string) (configuration, error) {
	s.mu.Unlock()
	defer s.mu.Lock()
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
	arch := map[string]string{"x86_64": "amd64", "arm64": "arm64"}[list[0]]
	if len(list) > 1 || arch == "" {
		return "", complain("1 validation error detected: Value at 'architectures' failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]")
	}
	return arch, nil
}

func alreadyExists(name string) error {
	return refusal(409, "ResourceConflictException", "Function already exist: "+name)
}

type createRequest struct {
	settings
	FunctionName, PackageType string
	Architectures             []string
	Code                      code
	Publish                   bool
}

func (s *Server) createFunction(c *call, in createRequest) (any, error) {
	name, _ := splitName(in.FunctionName)
	if !functionName.MatchString(name) {
		return nil, complain("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint", name)
	}
	if s.functions[name] != nil {
		return nil, alreadyExists(name)
	}
	arch, err := archOf(in.Architectures)
	if err != nil {
		return nil, err
	}
	cfg, err := s.load(s.defaults(name), in.Code, cmp.Or(arch, "amd64"))
	if err != nil {
		return nil, err
	}
	if cfg.zip != (in.PackageType == "" || in.PackageType == "Zip") {
		return nil, complain("the package type is not that of the code")
	}
	if cfg, err = cfg.apply(in.settings); err != nil {
		return nil, err
	}
	if cfg.zip && (cfg.runtime == "" || cfg.handler == "") {
		return nil, complain("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if s.functions[name] != nil {
		return nil, alreadyExists(name)
	}
	f := newFunction(name)
	s.functions[name] = f
	s.begin(f.latest, cfg, c.delay())
	return s.published(f, in.Publish), nil
}

func (s *Server) published(f *function, publish bool) described {
	if publish {
		return s.describe(f, s.publish(f, ""), "")
	}
	return s.describe(f, f.latest, "")
}

// delay is how long an update takes beyond the time in which it is seen.
func (c *call) delay() time.Duration {
	if c.fault.slow {
		return c.fault.slowly
	}
	return 0
}

// guard says why the function of a call can't be changed.
func (s *Server) guard(c *call, revision string) error {
	if c.v != c.f.latest {
		return complain("$LATEST is the only version that can be changed")
	}
	if why := s.busy(c.f, c.v); why != "" {
		return refusal(409, "ResourceConflictException", why)
	}
	return checkRevision(revision, c.v.revision, "GetFunction/GetAlias")
}

func checkRevision(wanted, latest, operation string) error {
	if wanted != "" && wanted != latest {
		return refusalf(412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve the latest Revision Id", operation)
	}
	return nil
}

func (s *Server) updateFunctionConfiguration(c *call, in settings) (any, error) {
	if err := s.guard(c, in.RevisionID); err != nil {
		return nil, err
	}
	cfg, err := c.v.cfg.apply(in)
	if err != nil {
		return nil, err
	}
	s.update(c, c.f, cfg)
	return s.describe(c.f, c.v, ""), nil
}

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

type codeRequest struct {
	code
	Architectures   []string
	DryRun, Publish bool
	RevisionID      string `json:"RevisionId"`
}

func (s *Server) updateFunctionCode(c *call, in codeRequest) (any, error) {
	arch, err := archOf(in.Architectures)
	if err != nil {
		return nil, err
	}
	if err := s.guard(c, in.RevisionID); err != nil {
		return nil, err
	}
	cfg := c.v.cfg
	coded, err := s.load(cfg, in.code, cmp.Or(arch, cfg.image.Arch))
	if err == nil && coded.zip != cfg.zip {
		err = complain("the package type of a function can't be changed")
	}
	if err == nil {
		err = s.locate(c) // it was not locked meanwhile
	}
	if err == nil {
		err = s.guard(c, in.RevisionID)
	}
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return s.describe(c.f, c.v, ""), nil
	}
	s.update(c, c.f, coded)
	return s.published(c.f, in.Publish), nil
}

func (s *Server) getFunction(c *call, _ none) (any, error) {
	cfg := c.v.cfg
	location := map[string]any{"RepositoryType": "S3", "Location": "https://rehearsal.invalid/" + c.f.name}
	if !cfg.zip {
		location = map[string]any{"RepositoryType": "ECR", "ImageUri": cfg.imageURI, "ResolvedImageUri": Repository(s.o.Region) + "@sha256:" + cfg.codeSHA256}
	}
	out := map[string]any{"Configuration": s.shown(c), "Code": location}
	if c.f.reserved != nil {
		out["Concurrency"] = reserved{*c.f.reserved}
	}
	return out, nil
}

func (s *Server) getFunctionConfiguration(c *call, _ none) (any, error) {
	return s.shown(c), nil
}

func (s *Server) listFunctions(*call, none) (any, error) {
	list := []described{}
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		f := s.functions[name]
		s.settle(f)
		list = append(list, s.describe(f, f.latest, ""))
	}
	return map[string]any{"Functions": list}, nil
}

func (s *Server) deleteFunction(c *call, _ none) (any, error) {
	f, v := c.f, c.v
	switch {
	case f.aliases[c.qualifier()] != nil:
		return nil, complain("the qualifier of DeleteFunction is a version")
	case c.qualifier() == "":
		s.drop(f)
		delete(s.functions, f.name)
		return nil, nil
	case v == f.latest:
		return nil, complain("$LATEST version cannot be deleted without deleting the function.")
	}
	for name, a := range f.aliases {
		if a.version == v.number {
			return nil, refusal(409, "ResourceConflictException", "Version "+v.number+" is referenced by alias "+name)
		}
	}
	s.retire(v.serving)
	f.published = slices.DeleteFunc(f.published, func(p *version) bool { return p == v })
	return nil, nil
}
