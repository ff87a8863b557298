package payload

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadReturnsTheProgramOfTheArchitecture(t *testing.T) {
	files := fstest.MapFS{
		"bin/README.md":         {Data: []byte("kept in git")},
		"bin/rie-linux-amd64":   {Data: []byte("rie amd64")},
		"bin/rie-linux-arm64":   {Data: []byte("rie arm64")},
		"bin/start-linux-amd64": {Data: []byte("start amd64")},
		"bin/start-linux-arm64": {Data: []byte("start arm64")},
	}
	for _, program := range []string{"rie", "start"} {
		for _, arch := range []string{"amd64", "arm64"} {
			b, err := read(files, program, arch)
			if err != nil {
				t.Fatalf("read(%s, %s): %v", program, arch, err)
			}
			if got, want := string(b), program+" "+arch; got != want {
				t.Errorf("read(%s, %s) = %q, want %q", program, arch, got, want)
			}
		}
	}
}

func TestReadSaysWhatIsMissing(t *testing.T) {
	cleanClone := fstest.MapFS{"bin/README.md": {Data: []byte("kept in git")}}
	torn := fstest.MapFS{"bin/rie-linux-arm64": {}}
	for name, files := range map[string]fs.FS{"clean clone": cleanClone, "empty file": torn} {
		b, err := read(files, "rie", "arm64")
		if !errors.Is(err, ErrMissing) || b != nil {
			t.Errorf("%s: got %d bytes and %v, want ErrMissing", name, len(b), err)
		}
		if want := "this build carries no emulator (rie for linux/arm64)"; err != nil && err.Error() != want {
			t.Errorf("%s: error %q, want %q", name, err, want)
		}
	}
}

func TestReadRefusesOtherArchitectures(t *testing.T) {
	for _, arch := range []string{"", "386", "AMD64", "../../payload.go"} {
		_, err := RIE(arch)
		if err == nil || errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "want amd64 or arm64") {
			t.Errorf("RIE(%q): %v, want an error that names the architectures", arch, err)
		}
	}
}

// What make put here must be what the engines can start: static programs of
// the right machine, and a starter small enough not to be seen.
func TestEmbeddedProgramsAreStatic(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for program, get := range map[string]func(string) ([]byte, error){"rie": RIE, "start": Start} {
		for arch, machine := range machines {
			b, err := get(arch)
			if errors.Is(err, ErrMissing) {
				t.Skipf("%v: make build fills it", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			f, err := elf.NewFile(bytes.NewReader(b))
			if err != nil {
				t.Fatalf("%s for %s: %v", program, arch, err)
			}
			if f.Machine != machine {
				t.Errorf("%s for %s is for %v, want %v", program, arch, f.Machine, machine)
			}
			for _, p := range f.Progs {
				if p.Type == elf.PT_INTERP {
					t.Errorf("%s for %s needs an interpreter: it is not static", program, arch)
				}
			}
			if limit := 1800 << 10; program == "start" && len(b) > limit {
				t.Errorf("start for %s has %d bytes, want at most %d", arch, len(b), limit)
			}
		}
	}
}
