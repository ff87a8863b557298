package cli

import (
	"context"
	"errors"
	"fmt"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/runfile"
)

// opened is a configuration that stands ready to be started.
type opened struct {
	want
	image  coldstart.Image
	target coldstart.Target
	// unchanged is true if the run of --against had the same image, idBefore its
	// ID there if that was another one.
	unchanged bool
	idBefore  string
}

// opening is with what configurations are opened.
type opening struct {
	engine  *Engine
	store   *image.Store
	options coldstart.Options
	log     func(string)
	// run is the ID of the run of --against; empty for none.
	run string
}

// prepared is an image that the engine can start, or why there is none.
type prepared struct {
	img coldstart.Image
	err error
}

// openAll builds or finds every image and opens every configuration on it. One
// that fails becomes a row that says why, unless it was asked for by name. The
// image that a variant had before is opened where it is another one than the
// present one, which stands before it in the list.
func (a *app) openAll(ctx context.Context, o opening, wanted []want) ([]opened, []runfile.Unavailable, error) {
	images := imageEngine(o.engine)
	defer images.Close()
	from := image.Options{Engine: images, DescribeOnly: o.engine.Containers, Unpack: !o.engine.Containers, Log: o.log}
	var list []opened
	var unavailable []runfile.Unavailable
	cache := map[string]prepared{}
	for _, w := range wanted {
		if w.before != nil {
			if now := len(list) - 1; now < 0 || list[now].config != w.present() {
				continue // there is nothing to set against it
			} else if was, is := w.before.Identity(), list[now].image.Identity(); is.Same(was) {
				list[now].unchanged = true
				if is.Renamed(was) {
					list[now].idBefore = was.ImageID
				}
				continue
			}
		}
		key := w.config.Variant + "/" + w.config.Arch
		b, ok := cache[key]
		if !ok {
			from.Arch = w.config.Arch
			b = a.prepare(ctx, o, w, from)
			cache[key] = b
		}
		var target coldstart.Target
		err := b.err
		if err == nil {
			o.store.About(w.config.Variant)
			preparing := o.store.Meter("preparing the "+o.engine.Name+" engine", 0)
			target, err = o.engine.Open(ctx, w.config, b.img, o.options)
			preparing.End()
		}
		switch {
		case err == nil:
			list = append(list, opened{want: w, image: b.img, target: target})
		case ctx.Err() != nil:
			return list, nil, ctx.Err()
		case w.variant.named:
			return list, nil, fmt.Errorf("%s: %w", w.config.Variant, err)
		case b.err != nil && ok:
			// The image is as missing as it was for another memory size.
		default:
			row := a.leaveOut(w.config.Variant, err)
			if w.before != nil {
				row.Before = w.variant.Name
			}
			unavailable = append(unavailable, row)
		}
	}
	if len(list) == 0 {
		return nil, nil, errors.New("no variant can be measured here")
	}
	return list, unavailable, nil
}

// leaveOut says why a variant is not measured, and returns its row of the run.
func (a *app) leaveOut(variant string, err error) runfile.Unavailable {
	a.warning("%s is left out: %v", variant, err)
	hint := advice.HintOf(err)
	if hint != "" {
		a.hint("%s", hint)
	}
	return runfile.Unavailable{Variant: variant, Error: a.publishable(err.Error()), Hint: a.publishable(hint)}
}

// prepare builds or finds the image of a configuration and makes it ready.
func (a *app) prepare(ctx context.Context, o opening, w want, from image.Options) (p prepared) {
	o.store.About(w.config.Variant)
	if w.before != nil {
		p.img, p.err = a.imageBefore(ctx, o.store, w, o.run, from)
	} else {
		p.img, p.err = a.imageOf(ctx, o.store, w.variant.Variant, from)
	}
	if p.err == nil {
		p.img, p.err = o.engine.Prepare(ctx, p.img)
	}
	return p
}
