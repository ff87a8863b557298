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

// openStore opens the image store of the project whose compose file is file. out
// is the results folder of this command; the images of the usual one's runs are
// kept, too.
func (a *app) openStore(file, out string) (*image.Store, error) {
	store, err := image.OpenStore(a.storeDir(file))
	if err != nil {
		return nil, err
	}
	a.steps = a.imageProgress()
	store.OnProgress(a.steps.report)
	for _, dir := range addOnce([]string{out}, "results") {
		// A folder that can't be read is for those to complain of who need it.
		entries, _, _ := runfile.Folder(filepath.Join(absolute(a.Dir, dir), "runs"))
		store.Keep(imagesOf(entries)...)
	}
	return store, nil
}

// imagesOf lists the images of the newest local runs.
func imagesOf(entries []runfile.Entry) []string {
	var ids []string
	left := keptRuns
	for _, e := range slices.Backward(entries) {
		if e.Header.Backend != "local" {
			continue
		}
		if left--; left < 0 {
			break
		}
		for _, c := range e.Header.Configs {
			ids = append(ids, c.Image.ImageID)
		}
	}
	return ids
}

// storeDir is where the images of a project are kept: beside its compose file.
func (a *app) storeDir(file string) string {
	dir := a.Dir
	if file != "" {
		dir = filepath.Dir(absolute(a.Dir, file))
	}
	return filepath.Join(dir, ".build", "images")
}
