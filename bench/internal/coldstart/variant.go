package coldstart

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Variant is one way of packaging the function, as a person described it: a
// service of the compose file, or NAME=IMAGE on the command line. Exactly one
// of Image and Build is set where the variant came from the command line; a
// compose service may carry both, and then Image is only the tag that its
// build is given.
type Variant struct {
	// Name is the service's name or the NAME of NAME=IMAGE; a table column.
	Name string
	// Image is a reference to take from the engine or to pull, or a tag.
	Image string
	// Build says how to build the image; nil where there is nothing to build.
	Build *Build
	// Platform is the service's platform, "linux/arm64" say; empty means the
	// architecture of the configuration decides.
	Platform string
	// Entrypoint and Command replace the image's own where they are not nil,
	// with the emulator's program and flags already taken off. As in compose, an
	// Entrypoint that is set also clears the image's CMD.
	Entrypoint, Command []string
	// WorkingDir replaces the image's own where it is not empty.
	WorkingDir string
	// Environment is added to the image's own.
	Environment map[string]string
	// MemoryMB is the memory size that x-bench asks for in MiB; 0 means none.
	MemoryMB int
	// Zip is true where x-bench says that the same function is deployed to AWS
	// as a zip, too.
	Zip bool
	// Doc is one sentence about the variant; may be empty.
	Doc string
	// Warnings name the keys of the service that have no effect here, though
	// they would change what compose starts.
	Warnings []string
}

// Build says how the image of a variant is built.
type Build struct {
	// Context is the absolute path of the folder that COPY reads from.
	Context string
	// Dockerfile is the absolute path of the Dockerfile.
	Dockerfile string
	// Inline is the Dockerfile's text where that is in the compose file, and
	// Dockerfile only a name for it; empty for a file.
	Inline string
	// Args are the build arguments; Target is the stage, empty for the last.
	Args   map[string]string
	Target string
	// Labels are added to those of the Dockerfile, and win over them.
	Labels map[string]string
	// Platforms are the only ones to build for, "linux/arm64" for example;
	// empty for any.
	Platforms []string
	// Contexts are what names in FROM and COPY --from stand for, before images.
	Contexts map[string]NamedContext
	// ComposeFile and Service name where the build was described, so that an
	// engine's own builder can be asked for it; empty where there is no file.
	ComposeFile, Service string
	// Project is compose's name of the project, never empty where there is a file.
	Project string
}

// NamedContext is what a name in FROM or COPY --from stands for. One of its
// fields is set.
type NamedContext struct {
	// Dir is the absolute path of a folder.
	Dir string
	// Image is an image's reference; "scratch" for an image without files.
	Image string
	// Build is how another service's image is built.
	Build *Build
	// Other is what only an engine's own builder can fetch, a Git repository for
	// example.
	Other string
}

// Image is what was built or found for one variant and architecture, and how
// a container of it is started: the image's own configuration with the
// variant's changes already applied.
type Image struct {
	// ID is the digest of the image's configuration ("sha256:…"). A file that was
	// only touched gives another one.
	ID string
	// ContentID is the digest of what a function can see of the image
	// ("sha256:…"): the files that the layers come to, without times, and of the
	// configuration the platform, entrypoint, command, environment, working
	// directory, user and volumes. It is the image's own, without the variant's
	// changes; empty if it is not known, as for an image that only an engine
	// holds.
	ContentID string
	// Digest is the manifest's digest, what a registry shows; empty where no
	// manifest is known.
	Digest string
	// SizeBytes is the size of the unpacked layers, CompressedBytes that of
	// the compressed ones; 0 where not known.
	SizeBytes, CompressedBytes int64
	// Layers is the number of layers; 0 only for an image without any.
	Layers int
	// Base names what FROM named; "scratch" for none, empty where not known.
	Base string
	// StandIn is true where the base is a stand-in for one that could not be
	// had (label coldbench.stand-in): every table has to say so.
	StandIn bool
	// Arch is "amd64" or "arm64".
	Arch string
	// Ref is a name by which an engine that already holds the image knows it;
	// empty for an image that bench built in process.
	Ref string
	// Root is the folder that holds the unpacked image; empty where the image
	// is not unpacked on this machine.
	Root string
	// Entrypoint and Command are what is executed, one after the other.
	Entrypoint, Command []string
	// Environment holds KEY=VALUE pairs of the image and of the variant.
	Environment []string
	// WorkingDir is the folder the program starts in; empty means "/".
	WorkingDir string
}

// Identity tells one image from another.
type Identity struct {
	// ImageID and ContentID are as in Image; a function of which AWS tells only
	// the code's digest has that as ImageID.
	ImageID, ContentID string
}

// Identity returns the image's.
func (i Image) Identity() Identity { return Identity{i.ID, i.ContentID} }

// Same reports whether two images are the same as far as a function can see: they
// have one image ID or one content ID. Everything that asks whether an image
// changed asks here. If a content ID is not known, image IDs decide.
func (i Identity) Same(o Identity) bool {
	return i.ImageID == o.ImageID || i.ContentID != "" && i.ContentID == o.ContentID
}

// Renamed reports whether two images are the same but have different image IDs:
// times, labels or the history of their builds differ.
func (i Identity) Renamed(o Identity) bool { return i.Same(o) && i.ImageID != o.ImageID }

// SetupID returns a digest of how a function is started: the image's entrypoint,
// command, working directory and environment with the variant's changes, and the
// variables that are added to it (--env). It holds no value, but whoever knows all
// of it but a short value can find that one by trying.
func SetupID(img Image, environment map[string]string) string {
	values := map[string]string{}
	for _, kv := range img.Environment {
		key, value, _ := strings.Cut(kv, "=")
		values[key] = value
	}
	maps.Copy(values, environment)
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", img.Entrypoint, img.Command, path.Join("/", img.WorkingDir))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(sum, "%q=%q\n", key, values[key])
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// Config is one column of an experiment: a variant at a memory size on an
// architecture. It is comparable and the key of every map.
type Config struct {
	Variant string `json:"variant"`
	// MemoryMB is the memory size asked for, in MiB.
	MemoryMB int `json:"memorySizeMB"`
	// Arch is "amd64" or "arm64".
	Arch string `json:"arch"`
}

// String returns the configuration as one word: "scratch/512MB/amd64".
func (c Config) String() string {
	return fmt.Sprintf("%s/%dMB/%s", c.Variant, c.MemoryMB, c.Arch)
}
