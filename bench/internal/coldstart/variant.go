package coldstart

import "fmt"

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
}

// Build says how the image of a variant is built.
type Build struct {
	// Context is the absolute path of the folder that COPY reads from.
	Context string
	// Dockerfile is the absolute path of the Dockerfile.
	Dockerfile string
	// Args are the build arguments; Target is the stage, empty for the last.
	Args   map[string]string
	Target string
	// ComposeFile and Service name where the build was described, so that an
	// engine's own builder can be asked for it; empty where there is no file.
	ComposeFile, Service string
}

// Image is what was built or found for one variant and architecture, and how
// a container of it is started: the image's own configuration with the
// variant's changes already applied.
type Image struct {
	// ID is the digest of the image's configuration ("sha256:…"): equal
	// wherever the same content is, and what "the image changed" means.
	ID string
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

// Config is one column of an experiment: a variant at a memory size on an
// architecture. It is comparable and the key of every map.
type Config struct {
	Variant string
	// MemoryMB is the memory size asked for, in MiB.
	MemoryMB int
	// Arch is "amd64" or "arm64".
	Arch string
}

// String returns the configuration as one word: "scratch/512MB/amd64".
func (c Config) String() string {
	return fmt.Sprintf("%s/%dMB/%s", c.Variant, c.MemoryMB, c.Arch)
}
