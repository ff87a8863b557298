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
	S3Bucket string
}

// load returns the configuration with the code. It lets go of the lock while it
// looks for the code.
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
	if len(list) > 1 || list[0] != "x86_64" && list[0] != "arm64" {
		return "", complain("1 validation error detected: Value at 'architectures' failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]")
	}
	if list[0] == "x86_64" {
		return "amd64", nil
	}
	return list[0], nil
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

// published describes a function, or the version that is published of it.
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

// guard finds the function that a call changes, or says why it can't be changed:
// another change goes on, or another revision is meant.
func (s *Server) guard(c *call, revision string) (*function, error) {
	f, v, err := s.find(c.name, c.qualifier())
	if err != nil {
		return nil, err
	}
	if v != f.latest {
		return nil, complain("$LATEST is the only version that can be changed")
	}
	if why := s.busy(f, v); why != "" {
		return nil, refusal(409, "ResourceConflictException", why)
	}
	return f, checkRevision(revision, v.revision, "GetFunction/GetAlias")
}

// checkRevision refuses a change of another revision than the latest; the empty
// one is any.
func checkRevision(wanted, latest, operation string) error {
	if wanted != "" && wanted != latest {
		return refusalf(412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve the latest Revision Id", operation)
	}
	return nil
}

func (s *Server) updateFunctionConfiguration(c *call, in settings) (any, error) {
	f, err := s.guard(c, in.RevisionID)
	if err != nil {
		return nil, err
	}
	cfg, err := f.latest.cfg.apply(in)
	if err != nil {
		return nil, err
	}
	s.update(c, f, cfg)
	return s.describe(f, f.latest, ""), nil
}

// update begins an update, with the faults that were drawn for it.
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
	f, err := s.guard(c, in.RevisionID)
	if err != nil {
		return nil, err
	}
	cfg := f.latest.cfg
	coded, err := s.load(cfg, in.code, cmp.Or(arch, cfg.image.Arch))
	if err == nil && coded.zip != cfg.zip {
		err = complain("the package type of a function can't be changed")
	}
	if err == nil {
		f, err = s.guard(c, in.RevisionID) // it was not locked meanwhile
	}
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return s.describe(f, f.latest, ""), nil
	}
	s.update(c, f, coded)
	return s.published(f, in.Publish), nil
}

func (s *Server) getFunction(c *call, _ none) (any, error) {
	f, v, err := s.find(c.name, c.qualifier())
	if err != nil {
		return nil, err
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
	return out, nil
}

func (s *Server) getFunctionConfiguration(c *call, _ none) (any, error) {
	f, v, err := s.find(c.name, c.qualifier())
	if err != nil {
		return nil, err
	}
	return s.shown(f, v, c.qualifier()), nil
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
	if f := s.functions[c.name]; f != nil && f.aliases[c.qualifier()] != nil {
		return nil, complain("the qualifier of DeleteFunction is a version")
	}
	f, v, err := s.find(c.name, c.qualifier())
	if err != nil {
		return nil, err
	}
	if c.qualifier() == "" {
		s.drop(f)
		delete(s.functions, f.name)
		return nil, nil
	}
	if v == f.latest {
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
