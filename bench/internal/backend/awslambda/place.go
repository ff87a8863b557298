package awslambda

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"runtime"
)

// Fingerprint tells the places apart where functions run: the host of a run on AWS.
func (c *Client) Fingerprint() string {
	sum := sha256.Sum256([]byte("aws\n" + c.region + "\n" + c.rehearsal))
	return fmt.Sprintf("%x", sum[:8])
}

// JournalDir returns where restore journals are kept: in the user's state folder, so
// that whatever folder the next bench runs in finds them. Without one it is below dir.
func JournalDir(getenv func(string) string, dir string) string {
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "coldbench", "aws")
	}
	if data := getenv("LOCALAPPDATA"); runtime.GOOS == "windows" && data != "" {
		return filepath.Join(data, "coldbench", "aws")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "coldbench", "aws")
	}
	return filepath.Join(dir, ".build", "aws-journal")
}

// where names the place of a journal's functions.
func (j journal) where() string {
	if j.Endpoint == "" {
		return j.Region
	}
	return j.Region + " at " + j.Endpoint
}
