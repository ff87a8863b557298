package awssim

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

const zipRuntime = "provided.al2023"

const role = "arn:aws:iam::" + Account + ":role/rehearsal"

// Deploy makes a new function that is active at once, of an image unpacked at img.Root.
func (s *Server) Deploy(name string, img coldstart.Image, o Function) error {
	if img.Root == "" {
		return fmt.Errorf("deploying %s: the image is not unpacked", name)
	}
	img.Arch = cmp.Or(o.Arch, img.Arch)
	if o.Timeout%time.Second != 0 {
		return fmt.Errorf("deploying %s: the timeout %s is not in whole seconds", name, o.Timeout)
	}
	c := s.defaults(name)
	c.memoryMB, c.variables = cmp.Or(o.MemoryMB, c.memoryMB), maps.Clone(o.Env)
	c.timeoutS = cmp.Or(int(o.Timeout/time.Second), c.timeoutS)
	c.log = logging{LogFormat: o.LogFormat, LogGroup: c.log.LogGroup, SystemLogLevel: o.SystemLogLevel}.complete()
	switch o.PackageType {
	case "", "Image":
		c = c.coded(img, cmp.Or(img.Ref, Repository(s.o.Region)+":"+name))
	case "Zip":
		c = c.coded(img, "")
		c.zip, c.runtime, c.handler, c.codeSize = true, zipRuntime, "bootstrap", img.CompressedBytes
		sum := sha256.Sum256([]byte(c.codeSHA256))
		c.codeSHA256 = base64.StdEncoding.EncodeToString(sum[:])
		c.snapStart = o.SnapStart
	default:
		return fmt.Errorf("deploying %s: package type %q: Image or Zip", name, o.PackageType)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("deploying %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("deploying: the rehearsal is over")
	}
	if s.functions[name] != nil {
		return fmt.Errorf("deploying %s: there is a function of that name", name)
	}
	if !functionName.MatchString(name) {
		return fmt.Errorf("deploying %q: a name has letters, digits, - and _, at most 64", name)
	}
	f := newFunction(name)
	f.reserved = o.Reserved
	f.latest.cfg, f.latest.modified, f.latest.revision = c, s.now(), runtimeapi.NewRequestID()
	switch f.latest.state = cmp.Or(o.State, "Active"); f.latest.state {
	case "Active":
		f.latest.serving = &deployment{f: f, cfg: c, number: f.latest.number}
	case "Inactive", "Pending", "Failed":
	default:
		return fmt.Errorf("deploying %s: state %q: Active, Inactive, Pending or Failed", name, o.State)
	}
	f.deployed = c
	s.functions[name] = f
	s.remember(c)
	f.started[c.codeSHA256] = true // it has been there for long
	return nil
}

func newFunction(name string) *function {
	return &function{name: name, aliases: map[string]*alias{}, started: map[string]bool{}, latest: &version{number: "$LATEST"}}
}

// defaults are Lambda's own settings.
func (s *Server) defaults(name string) configuration {
	return configuration{memoryMB: minMemoryMB, timeoutS: 3, storageMB: 512, role: role, log: logging{LogFormat: "Text", LogGroup: "/aws/lambda/" + name}}
}

// Repository is where the images of functions in a region are said to be.
func Repository(region string) string {
	return Account + ".dkr.ecr." + region + ".amazonaws.com/rehearsal"
}

var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// Lambda's limit: 250 MB.
const maxUnzipped = 250 << 20

// unzip makes an image of a zip that holds /var/task and nothing else: the runtime must be static.
func (s *Server) unzip(content []byte, arch string) (img coldstart.Image, err error) {
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return img, fmt.Errorf("could not unzip uploaded file: %w", err)
	}
	if s.o.StateDir != "" {
		if err := os.MkdirAll(s.o.StateDir, 0o755); err != nil {
			return img, err
		}
	}
	dir, err := os.MkdirTemp(s.o.StateDir, "coldbench-zip-")
	if err != nil {
		return img, err
	}
	s.mu.Lock()
	s.dirs = append(s.dirs, dir)
	s.mu.Unlock()
	if err := os.Chmod(dir, 0o755); err != nil {
		return img, err
	}
	task := filepath.Join(dir, "var", "task")
	if err := os.MkdirAll(task, 0o755); err != nil {
		return img, err
	}
	if err := sandbox.MountPoints(dir); err != nil {
		return img, err
	}
	left := int64(maxUnzipped)
	for _, f := range r.File {
		if left, err = unzipFile(task, f, left); err != nil {
			return img, fmt.Errorf("could not unzip %q: %w", f.Name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(task, "bootstrap")); err != nil {
		return img, errors.New("the zip holds no bootstrap")
	}
	return coldstart.Image{
		ID: fmt.Sprintf("sha256:%x", sha256.Sum256(content)), Arch: arch, Root: dir, Entrypoint: []string{"/var/task/bootstrap"},
		WorkingDir: "/var/task", CompressedBytes: int64(len(content)),
	}, nil
}

func unzipFile(task string, f *zip.File, left int64) (int64, error) {
	name := path.Clean(strings.ReplaceAll(f.Name, `\`, "/"))
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return left, errors.New("it would be outside of the function's folder")
	}
	to := filepath.Join(task, filepath.FromSlash(name))
	if f.FileInfo().IsDir() {
		return left, os.MkdirAll(to, 0o755)
	}
	if !f.Mode().IsRegular() {
		return left, errors.New("it is neither a file nor a folder")
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return left, err
	}
	in, err := f.Open()
	if err != nil {
		return left, err
	}
	defer in.Close()
	// Lambda gives what it unpacks the modes of the zip; one made where there are
	// none would not start.
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return left, err
	}
	n, err := io.Copy(out, io.LimitReader(in, left+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return left, err
	}
	if n > left {
		return left, errors.New("unzipped size must be smaller than 262144000 bytes")
	}
	return left - n, nil
}
