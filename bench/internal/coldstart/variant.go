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

// Variant is one way of packaging the function: a service of the compose file, or
// NAME=IMAGE on the command line. A service may have both Image and Build: then
// Image is the tag of what is built.
type Variant struct {
	// Name is the service's name or the NAME of NAME=IMAGE; a table column.
	Name string
	// Image is a reference to take from the engine or to pull, or a tag.
	Image string
	// Build says how to build the image; nil where there is nothing to build.
	Build *Build
	// Platform is the service's, e.g. "linux/arm64"; empty for the config's.
	Platform string
	// Entrypoint and Command replace the image's own unless nil, without the
	// emulator's program and flags. As in compose, Entrypoint clears the image's CMD.
	Entrypoint, Command []string
	// WorkingDir replaces the image's own where it is not empty.
	WorkingDir string
	// Environment is added to the image's own.
	Environment map[string]string
	// MemoryMB is the memory size that x-bench asks for in MiB; 0 means none.
	MemoryMB int
	// Zip is true if x-bench says that AWS has the same function as a zip, too.
	Zip bool
	// Doc is one sentence about the variant; may be empty.
	Doc string
	// Warnings name the keys of the service that compose honours and bench does not.
	Warnings []string
}

// Build says how the image of a variant is built.
type Build struct {
	// Context is the absolute path of the folder that COPY reads from.
	Context string
	// Dockerfile is the absolute path of the Dockerfile.
	Dockerfile string
	// Inline is the Dockerfile's text if that is in the compose file; else empty.
	Inline string
	// Args are the build arguments; Target is the stage, empty for the last.
	Args   map[string]string
	Target string
	// Labels are added to those of the Dockerfile, and win over them.
	Labels map[string]string
	// Platforms are the only ones to build for; empty for any.
	Platforms []string
	// Contexts are what names in FROM and COPY --from stand for, before images.
	Contexts map[string]NamedContext
	// ComposeFile and Service are for an engine's own builder; empty without a file.
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
	// Other is what only an engine's own builder can fetch, e.g. a Git repository.
	Other string
}

// Image is what was built or found for one variant and architecture, and how it is
// started: the image's own configuration with the variant's changes.
type Image struct {
	// ID is the digest of the image's configuration ("sha256:…"). A file that was
	// only touched gives another one.
	ID string
	// ContentID is the digest ("sha256:…") of what a function can see of the image
	// itself: the files, without times, and platform, entrypoint, command,
	// environment, working directory, user and volumes. It is empty if unknown, as
	// for an image that only an engine holds.
	ContentID string
	// Digest is the manifest's, as a registry shows it; empty if unknown.
	Digest string
	// SizeBytes is the size of the unpacked layers, CompressedBytes that of the
	// compressed ones; 0 if unknown.
	SizeBytes, CompressedBytes int64
	// Layers is the number of layers; 0 only for an image without any.
	Layers int
	// Base names what FROM named; "scratch" for none, empty where not known.
	Base string
	// StandIn is true if the base is a stand-in (label coldbench.stand-in): every
	// table has to say so.
	StandIn bool
	// Arch is "amd64" or "arm64".
	Arch string
	// Ref is the name of an image that the engine holds already; else empty.
	Ref string
	// Root is the folder of the unpacked image; empty if it is not unpacked.
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

// Same reports whether a function can see no difference between two images: they have
// one image ID or one content ID. If a content ID is unknown, image IDs decide.
func (i Identity) Same(o Identity) bool {
	return i.ImageID == o.ImageID || i.ContentID != "" && i.ContentID == o.ContentID
}

// Renamed reports whether two images are the same but have different image IDs:
// times, labels or the history of their builds differ.
func (i Identity) Renamed(o Identity) bool { return i.Same(o) && i.ImageID != o.ImageID }

// SetupID returns a digest of how a function is started: entrypoint, command,
// working directory and environment, and the variables added to it (--env). Whoever
// knows all of it but one short value can find that by trying.
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
