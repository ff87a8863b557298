// Package payload holds the two programs that the local engines put beside a
// function: images/rie, the emulator, and images/start, which readies an
// environment from inside. They are Linux programs and are embedded, so that
// bench needs nothing beside itself.
//
// They are built by make, not by go build: a bench that was built without them
// compiles and does everything but local runs, and says so with ErrMissing.
package payload

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// ErrMissing is wrapped by the errors of RIE and Start where this build of
// bench was made without the programs. make build ARCH=... makes one with them.
var ErrMissing = errors.New("this build carries no emulator")

//go:embed bin
var embedded embed.FS

// RIE returns images/rie for linux/arch, arch being "amd64" or "arm64". The
// caller may keep and change the bytes. An architecture that Lambda does not
// have is an error of its own, a program that was not embedded ErrMissing.
func RIE(arch string) ([]byte, error) { return read(embedded, "rie", arch) }

// Start returns images/start for linux/arch, with the errors of RIE.
func Start(arch string) ([]byte, error) { return read(embedded, "start", arch) }

func read(files fs.FS, program, arch string) ([]byte, error) {
	if arch != "amd64" && arch != "arm64" {
		return nil, fmt.Errorf("reading the embedded %s: no architecture %q, want amd64 or arm64", program, arch)
	}
	b, err := fs.ReadFile(files, "bin/"+program+"-linux-"+arch)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 {
		return nil, fmt.Errorf("%w (%s for linux/%s)", ErrMissing, program, arch)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the embedded %s: %w", program, err)
	}
	return b, nil
}
