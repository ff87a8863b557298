// Package emulator recognizes programs that emulate the runtime interface. bench
// brings its own, outside the measured environment, and measures what an image
// wraps in one.
package emulator

import (
	"path"
	"slices"
	"strings"
)

// emulators are the base names of programs that emulate the runtime interface:
// the official one's and ours.
var emulators = []string{"aws-lambda-rie", "aws-lambda-rie-arm64", "aws-lambda-rie-x86_64", "rie", "coldbench-rie"}

// emulatorValues are the emulators' flags that take the word after them, where
// no "=" follows the name.
var emulatorValues = []string{"log-level", "runtime-api-address", "runtime-interface-emulator-address"}

// Strip takes an emulator's program and its flags off a command line
// and returns what the emulator would have started, and whether there was one.
// argv is not changed.
func Strip(argv []string) ([]string, bool) {
	if len(argv) == 0 || !slices.Contains(emulators, path.Base(argv[0])) {
		return argv, false
	}
	rest := argv[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		flag := strings.TrimLeft(rest[0], "-")
		rest = rest[1:]
		if flag == "" { // "--": what follows is the command, whatever it looks like
			break
		}
		if slices.Contains(emulatorValues, flag) && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return slices.Clone(rest), true
}
