package awssim

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// configuration is code and settings of a function. An update makes another one.
type configuration struct {
	image    coldstart.Image
	imageURI string
	zip      bool
	runtime  string
	handler  string
	// codeSize is in bytes, codeSHA256 base64 for zips, hex for images.
	codeSize    int64
	codeSHA256  string
	role        string
	description string
	memoryMB    int
	timeoutS    int
	storageMB   int
	variables   map[string]string
	log         logging
	override    imageConfig
	snapStart   bool
}

type logging struct {
	LogFormat           string `json:",omitempty"`
	LogGroup            string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
	ApplicationLogLevel string `json:",omitempty"`
}

type imageConfig struct {
	EntryPoint       []string `json:",omitempty"`
	Command          []string `json:",omitempty"`
	WorkingDirectory string   `json:",omitempty"`
}

// settings are the members of a request that are honoured; nil leaves a setting.
type settings struct {
	Description      *string
	Handler          *string
	MemorySize       *int
	Role             *string
	Runtime          *string
	Timeout          *int
	Environment      *struct{ Variables map[string]string }
	EphemeralStorage *struct{ Size int }
	ImageConfig      *imageConfig
	LoggingConfig    *logging
	SnapStart        *struct{ ApplyOn string }
	RevisionID       string `json:"RevisionId"`
}

func (c configuration) apply(in settings) (configuration, error) {
	set(&c.description, in.Description)
	set(&c.handler, in.Handler)
	set(&c.memoryMB, in.MemorySize)
	set(&c.role, in.Role)
	set(&c.runtime, in.Runtime)
	set(&c.timeoutS, in.Timeout)
	set(&c.override, in.ImageConfig)
	if in.Environment != nil { // replaced, not merged
		c.variables = maps.Clone(in.Environment.Variables)
	}
	if in.EphemeralStorage != nil {
		c.storageMB = in.EphemeralStorage.Size
	}
	if l := in.LoggingConfig; l != nil {
		group := c.log.LogGroup
		c.log = *l
		c.log.LogGroup = cmp.Or(l.LogGroup, group)
		c.log = c.log.complete()
	}
	if in.SnapStart != nil {
		c.snapStart = in.SnapStart.ApplyOn == "PublishedVersions"
	}
	return c, c.check()
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// complete fills in what Lambda chooses.
func (l logging) complete() logging {
	l.LogFormat = cmp.Or(l.LogFormat, "Text")
	if l.LogFormat == "JSON" {
		l.SystemLogLevel = cmp.Or(l.SystemLogLevel, "INFO")
		l.ApplicationLogLevel = cmp.Or(l.ApplicationLogLevel, "INFO")
	}
	return l
}

const (
	minMemoryMB, maxMemoryMB = 128, 10240
	maxTimeoutS              = 900
	maxVariables             = 4096
)

func (c configuration) check() error {
	switch {
	case c.memoryMB < minMemoryMB || c.memoryMB > maxMemoryMB:
		return complain("1 validation error detected: Value '%d' at 'memorySize' failed to satisfy constraint: Member must have value between %d and %d", c.memoryMB, minMemoryMB, maxMemoryMB)
	case c.timeoutS < 1 || c.timeoutS > maxTimeoutS:
		return complain("1 validation error detected: Value '%d' at 'timeout' failed to satisfy constraint: Member must have value between 1 and %d", c.timeoutS, maxTimeoutS)
	case c.storageMB < 512 || c.storageMB > 10240:
		return complain("1 validation error detected: Value '%d' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value between 512 and 10240", c.storageMB)
	case c.snapStart && !c.zip:
		return complain("ContainerImage is not supported for SnapStart enabled functions.")
	case c.log.LogFormat != "Text" && c.log.LogFormat != "JSON":
		return complain("1 validation error detected: Value '%s' at 'loggingConfig.logFormat' failed to satisfy constraint: Member must satisfy enum value set: [JSON, Text]", c.log.LogFormat)
	case c.log.LogFormat == "Text" && c.log.SystemLogLevel != "":
		return complain("SystemLogLevel is not supported when LogFormat is set to \"Text\". Remove SystemLogLevel from your request or change the LogFormat to \"JSON\" and try again.")
	case c.log.SystemLogLevel != "" && levels[c.log.SystemLogLevel] == 0:
		return complain("1 validation error detected: Value '%s' at 'loggingConfig.systemLogLevel' failed to satisfy constraint: Member must satisfy enum value set: [DEBUG, INFO, WARN]", c.log.SystemLogLevel)
	}
	size := 0
	for k, v := range c.variables {
		size += len(k) + len(v)
		if !variableName.MatchString(k) {
			return complain("1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
		if runtimeapi.Reserved(k) {
			return complain("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", k)
		}
	}
	if size > maxVariables {
		return complain("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %d", size)
	}
	return nil
}

var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

func (c configuration) coded(img coldstart.Image, uri string) configuration {
	c.image, c.imageURI, c.codeSize = img, uri, 0
	id := cmp.Or(img.Digest, img.ID)
	c.codeSHA256 = strings.TrimPrefix(id, "sha256:")
	if len(c.codeSHA256) != 64 { // an image without a digest
		c.codeSHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(id+"\x00"+img.Root)))
	}
	return c
}

func (c configuration) program() coldstart.Image {
	img := c.image
	if c.override.EntryPoint != nil {
		img.Entrypoint = c.override.EntryPoint
	}
	if c.override.Command != nil {
		img.Command = c.override.Command
	}
	if c.override.WorkingDirectory != "" {
		img.WorkingDir = c.override.WorkingDirectory
	}
	return img
}

// arch is the architecture as Lambda writes it.
func (c configuration) arch() string {
	if c.image.Arch == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func (c configuration) timeout() time.Duration { return time.Duration(c.timeoutS) * time.Second }

func (c configuration) environment() map[string]string {
	env := map[string]string{}
	maps.Copy(env, c.variables)
	if c.log.LogFormat == "JSON" {
		env["AWS_LAMBDA_LOG_FORMAT"], env["AWS_LAMBDA_LOG_LEVEL"] = "JSON", c.log.ApplicationLogLevel
	}
	return env
}
