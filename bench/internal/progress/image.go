package progress

import (
	"fmt"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"coldbench/bench/internal/image"
)

// Images returns what shows work on images that takes a second or longer, for
// image.Store.OnProgress; nil if Quiet.
func (d Display) Images() func(image.Progress) {
	switch {
	case d.Quiet:
		return nil
	case d.Bars:
		return image.Slow(time.Second, 100*time.Millisecond, d.imageBar)
	}
	return image.Slow(time.Second, 10*time.Second, d.imageLine)
}

func (d Display) imageLine(image.Progress) func(image.Progress) {
	return func(p image.Progress) {
		if !p.Ended {
			d.Say("%v", p)
		}
	}
}

// imageBar draws a bar for a piece of work; without a total, the bytes alone.
func (d Display) imageBar(p image.Progress) func(image.Progress) {
	var style mpb.BarFillerBuilder = mpb.NopStyle()
	if p.Total > 0 {
		style = mpb.BarStyle()
	}
	bars := d.canvas(40)
	// A bar that is made with a total ends when it is reached.
	bar := bars.New(0, style, mpb.PrependDecorators(decor.Any(func(now decor.Statistics) string {
		return fmt.Sprintf("bench: %v ", image.Progress{About: p.About, Work: p.Work, Done: now.Current, Total: now.Total})
	})))
	bar.SetTotal(p.Total, false)
	return func(p image.Progress) {
		if bar.SetCurrent(p.Done); p.Ended {
			bar.Abort(true)
			bars.Wait()
		}
	}
}
