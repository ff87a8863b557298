package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

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
	switch {
	case a.quiet:
	case a.drawsBars() && !lines:
		store.OnProgress(image.Slow(time.Second, 100*time.Millisecond, a.imageBar))
	default:
		store.OnProgress(image.Slow(time.Second, 10*time.Second, a.imageLine))
	}
	for _, dir := range addOnce([]string{out}, "results") {
		// A folder that can't be read is for those to complain of who need it.
		entries, _, _ := runfile.Folder(filepath.Join(absolute(a.Dir, dir), "runs"))
		entries = slices.DeleteFunc(entries, func(e runfile.Entry) bool { return e.Header.Backend != "local" })
		const kept = 20
		for _, e := range entries[max(0, len(entries)-kept):] {
			for _, c := range e.Header.Configs {
				store.Keep(c.Image.ImageID)
			}
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

// imageEngine returns the engine that is measured on if that is docker, and
// otherwise whichever answers when it is needed.
func imageEngine(measured *Engine) *image.LazyEngine {
	return &image.LazyEngine{Connect: func(ctx context.Context) (image.Engine, error) {
		if measured != nil {
			if engine, ok := measured.localBackend.(*docker.Engine); ok {
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

// imageWork spells what is done and how far it has come: "al2: unpacking, 12 of 340 MB".
func imageWork(p image.Progress) string {
	text := p.Work
	if p.About != "" {
		text = p.About + ": " + text
	}
	switch {
	case p.Total > 0:
		text += fmt.Sprintf(", %d of %d MB", p.Done/1e6, max(p.Done, p.Total)/1e6)
	case p.Done > 0:
		text += fmt.Sprintf(", %d MB", p.Done/1e6)
	}
	return text
}

// imageLine prints lines about a piece of work.
func (a *app) imageLine(image.Progress) func(image.Progress) {
	return func(p image.Progress) {
		if !p.Ended {
			a.say("%s", imageWork(p))
		}
	}
}

// imageBar draws a bar for a piece of work; without a total, the bytes alone.
func (a *app) imageBar(p image.Progress) func(image.Progress) {
	var style mpb.BarFillerBuilder = mpb.NopStyle()
	if p.Total > 0 {
		style = mpb.BarStyle()
	}
	bars := mpb.New(mpb.WithOutput(a.Stderr), mpb.WithWidth(40), mpb.WithAutoRefresh())
	// A bar that is made with a total ends when it is reached.
	bar := bars.New(0, style, mpb.PrependDecorators(decor.Any(func(now decor.Statistics) string {
		return "bench: " + imageWork(image.Progress{About: p.About, Work: p.Work, Done: now.Current, Total: now.Total}) + " "
	})))
	bar.SetTotal(p.Total, false)
	return func(p image.Progress) {
		if bar.SetCurrent(p.Done); p.Ended {
			bar.Abort(true)
			bars.Wait()
		}
	}
}
