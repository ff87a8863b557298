package cli

import (
	"path/filepath"
	"slices"

	"coldbench/bench/internal/image"
	"coldbench/bench/internal/runfile"
)

// keptRuns is how many of the newest local runs of the results folder keep their
// images in the store, so that --against can measure them again.
const keptRuns = 20

// openStore opens the image store of the project whose compose file is file.
// out is its results folder.
func (a *app) openStore(file, out string) (*image.Store, error) {
	store, err := image.OpenStore(a.storeDir(file))
	if err != nil {
		return nil, err
	}
	// A folder that can't be read is for those to complain of who need it.
	entries, _, _ := runfile.Folder(filepath.Join(absolute(a.Dir, out), "runs"))
	left := keptRuns
	for _, e := range slices.Backward(entries) {
		if e.Header.Backend != "local" {
			continue
		}
		for _, c := range e.Header.Configs {
			store.Keep(c.Image.ImageID)
		}
		if left--; left == 0 {
			break
		}
	}
	return store, nil
}

// storeDir is where the images of a project are kept: beside its compose file.
func (a *app) storeDir(file string) string {
	dir := a.Dir
	if file != "" {
		dir = filepath.Dir(absolute(a.Dir, file))
	}
	return filepath.Join(dir, ".build", "images")
}
