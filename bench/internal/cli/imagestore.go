package cli

import (
	"context"
	"path/filepath"
	"sync"

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

// imageEngine connects to the engine that is measured on if that is docker, and
// otherwise, once, to whichever answers. close ends that connection.
func imageEngine(measured *Engine) (connect func(context.Context) (image.Engine, error), close func()) {
	if measured != nil {
		if engine, ok := measured.LocalBackend.(*docker.Engine); ok {
			return func(context.Context) (image.Engine, error) { return engine, nil }, func() {}
		}
	}
	var once sync.Once
	var engine *docker.Engine
	var err error
	connect = func(ctx context.Context) (image.Engine, error) {
		once.Do(func() { engine, err = docker.Connect(ctx, docker.Options{}) })
		return engine, err
	}
	return connect, func() {
		if engine != nil {
			_ = engine.Close()
		}
	}
}
