package coldstart

import "testing"

func TestStorageOfDrivers(t *testing.T) {
	for driver, want := range map[string]Storage{
		"overlay2": KernelStorage, "overlayfs": KernelStorage, "overlay": KernelStorage, "btrfs": KernelStorage, "zfs": KernelStorage,
		"fuse-overlayfs": SlowStorage, "vfs": SlowStorage, "native": SlowStorage, "devicemapper": SlowStorage, "devmapper": SlowStorage,
		"": UnknownStorage, "stargz": UnknownStorage, "aufs": UnknownStorage, "Overlay2": UnknownStorage,
	} {
		if got := (EngineFacts{StorageDriver: driver}).Storage(); got != want {
			t.Errorf("%q: %v, want %v", driver, got, want)
		}
	}
}
