package coldstart

// EngineFacts describe a local engine beside its name and version: what it adds
// to a cold start depends on them. An empty field is unknown.
type EngineFacts struct {
	// StorageDriver is what the engine makes an image's files visible with, in
	// the engine's own word ("overlay2"); "overlayfs" or "bind mount" in the sandbox.
	StorageDriver string `json:"storageDriver,omitempty"`
	// CgroupDriver is "cgroupfs", "systemd" or "none".
	CgroupDriver string `json:"cgroupDriver,omitempty"`
	// Runtime is the program that makes containers ("runc").
	Runtime string `json:"runtime,omitempty"`
	// Rootless is true for an engine without root's privileges; nil is unknown.
	Rootless *bool `json:"rootless,omitempty"`
}

// Storage is a class of storage drivers.
type Storage int

// The classes of storage drivers. Init is comparable between KernelStorage and
// the sandbox; with SlowStorage it is the driver's as much as the image's.
const (
	UnknownStorage Storage = iota
	KernelStorage          // the kernel shares files and page cache between containers
	SlowStorage            // a FUSE process, a copy or a block device for each container
)

// Storage classifies the storage driver, by Docker's names of graph drivers and
// containerd's of snapshotters.
func (f EngineFacts) Storage() Storage {
	switch f.StorageDriver {
	case "overlay2", "overlayfs", "overlay", "btrfs", "zfs":
		return KernelStorage
	case "fuse-overlayfs", "vfs", "native", "devicemapper", "devmapper":
		return SlowStorage
	}
	return UnknownStorage
}
