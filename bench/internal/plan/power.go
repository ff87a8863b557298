package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// Contrast is a config of a plan and what it will be compared with.
type Contrast struct {
	// Title is the config's name in the forecast.
	Title string
	// Config is what an earlier run knows it as.
	Config coldstart.Config
	// From is what it is compared with; nil for nothing. Its own From is nil.
	From *Contrast
}

// Names returns a name for each config: its variant, and its memory size and
// architecture if there are several.
func Names(configs []coldstart.Config) []string {
	sizes, archs := map[int]bool{}, map[string]bool{}
	for _, c := range configs {
		sizes[c.MemoryMB], archs[c.Arch] = true, true
	}
	names := make([]string, len(configs))
	for i, c := range configs {
		names[i] = c.Variant
		if len(sizes) > 1 {
			names[i] += fmt.Sprintf(" %d MB", c.MemoryMB)
		}
		if len(archs) > 1 {
			names[i] += " " + c.Arch
		}
	}
	return names
}

// Contrasts compares each config with the baseline of its memory size and
// architecture. Configs stand alone if there is nothing to compare.
func (p Plan) Contrasts(configs []coldstart.Config) []Contrast {
	if len(configs) == 0 {
		return nil
	}
	baseline := cmp.Or(p.Baseline, configs[0].Variant)
	names := Names(configs)
	var alone, compared []Contrast
	for i, c := range configs {
		alone = append(alone, Contrast{Title: names[i], Config: c})
		base := c
		base.Variant = baseline
		if j := slices.Index(configs, base); j >= 0 && base != c {
			compared = append(compared, Contrast{names[i], c, &Contrast{Title: names[j], Config: base}})
		}
	}
	if len(compared) == 0 {
		return alone
	}
	return compared
}

// WithItself returns configs compared with themselves, under another title: an
// image that is measured twice, in two versions, spreads alike.
func WithItself(configs []coldstart.Config, title string) []Contrast {
	var list []Contrast
	for i, name := range Names(configs) {
		list = append(list, Contrast{name, configs[i], &Contrast{Title: title, Config: configs[i]}})
	}
	return list
}

// Confidence is that of every interval in a report.
const Confidence = 0.95

// foundIn is how probable it is that a difference is found which a plan is said to
// show.
const foundIn = 0.8

// Power returns lines that name the differences a plan can show, or how narrow
// the interval of a config that stands alone will be, if its values spread as
// they did in an earlier run.
func (p Plan) Power(x *Experience, contrasts []Contrast) string {
	if enough := stats.MinSamples(0.5, Confidence); p.Runs < enough {
		return fmt.Sprintf("what it can show: nothing of medians, for an interval needs %d cold starts\n", enough)
	}
	if x.Run == "" {
		return "what it can show: unknown (no earlier run)\n"
	}
	classes := []coldstart.Class{}
	if p.Only != "warm" {
		classes = append(classes, coldstart.ClassCold)
	}
	if p.Only != "cold" && p.WarmRuns > 1 { // the first warm one is a class of its own
		classes = append(classes, coldstart.ClassWarm)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "what it can show of the median of init + duration, at the spread seen in %s:\n", x.Run)
	for _, c := range contrasts {
		var parts []string
		for _, class := range classes {
			if share, ok := c.detectable(x, class, p.Runs); ok {
				parts = append(parts, share+" "+string(class))
			}
		}
		what, name := "to within about ", c.Title
		switch {
		case len(parts) == 0:
			if c.From != nil {
				name += ", against " + c.From.Title
			}
			what = "not known, for that run has too few values of it, or equal ones"
		case c.From != nil:
			what = "a difference from " + c.From.Title + ", 4 times of 5, of "
		}
		fmt.Fprintf(&b, "  %s: %s%s\n", name, what, strings.Join(parts, ", "))
	}
	return b.String()
}

// detectable returns what n environments show of a config; false if that is
// unknown.
func (c Contrast) detectable(x *Experience, class coldstart.Class, n int) (string, bool) {
	values := x.values(c.Config, class)
	if c.From == nil {
		width, ok := values.HalfWidth(n, Confidence)
		return percent(width), ok
	}
	times, ok := stats.Detectable(values, x.values(c.From.Config, class), n, Confidence, foundIn)
	return percent(times-1) + " or more", ok
}

func percent(share float64) string {
	if share >= 0.0995 {
		return fmt.Sprintf("%.0f %%", 100*share)
	}
	return fmt.Sprintf("%.2g %%", 100*share)
}
