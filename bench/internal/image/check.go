package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coldbench/bench/internal/advice"
)

// bigStore is the size, in bytes, from which Check speaks of a store.
const bigStore = 5 << 30

// Check looks at the image store in a folder: whether it can be written to and
// how big it is. It makes nothing; a store that is not there yet is looked for
// where it would be made.
func Check(ctx context.Context, dir string) []advice.Finding {
	found := func(s advice.Severity, text, hint string) []advice.Finding {
		return []advice.Finding{{Severity: s, Subject: "image store", Text: text, Hint: hint}}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return found(advice.Problem, err.Error(), "")
	}
	place := dir
	info, err := os.Stat(place)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(place) != place {
		place = filepath.Dir(place)
		info, err = os.Stat(place)
	}
	if err != nil {
		return found(advice.Problem, err.Error(), "")
	}
	if !info.IsDir() {
		return found(advice.Problem, place+" is not a folder", "remove "+place)
	}
	f, err := os.CreateTemp(place, ".bench-check-")
	if err != nil {
		return found(advice.Problem, "can't write to "+place, "make "+place+" writable for this user")
	}
	f.Close()
	os.Remove(f.Name())
	if place != dir {
		return found(advice.OK, "not made yet; "+place+" is writable", "")
	}
	size, images := measure(ctx, dir)
	text := fmt.Sprintf("%s is writable, %d unpacked images, %d MB", dir, images, size>>20)
	if size > bigStore {
		return found(advice.Note, text, "remove "+dir+": all of it can be made again")
	}
	return found(advice.OK, text, "")
}

// measure returns the size of a store in bytes and how many images are unpacked in it.
func measure(ctx context.Context, dir string) (size int64, images int) {
	_ = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil {
			return nil
		}
		if e.IsDir() && filepath.Dir(p) == filepath.Join(dir, rootsDir) {
			images++
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size, images
}
