package cli

import (
	"context"
	"path/filepath"

	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/runfile"
)

// openStore opens the image store of the project whose compose file is file, and
// shows its work: with lines never as a bar. It keeps the images of the newest
// local runs of out, the results folder of this command, and of the usual one, so
// that --against can measure them again.
func (a *app) openStore(file, out string, lines bool) (*image.Store, error) {
	store, err := image.OpenStore(a.storeDir(file))
	if err != nil {
		return nil, err
	}
	store.OnProgress(a.progress(lines).Images())
	for _, dir := range addOnce([]string{out}, "results") {
		// A folder that can't be read is for those to complain of who need it.
		entries, _, _ := runfile.Folder(a.results(dir).Runs())
		store.Keep(runfile.NewestImages(entries, 20)...)
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

// imageEngine returns the engine that is measured on if that is docker, and
// otherwise whichever answers when it is needed.
func imageEngine(measured *Engine) *image.LazyEngine {
	return &image.LazyEngine{Connect: func(ctx context.Context) (image.Engine, error) {
		if measured != nil {
			if engine, ok := measured.LocalBackend.(*docker.Engine); ok {
				return struct{ image.Engine }{engine}, nil // without its Close
			}
		}
		engine, err := docker.Connect(ctx, docker.Options{})
		if err != nil {
			return nil, err
		}
		return engine, nil
	}}
}
