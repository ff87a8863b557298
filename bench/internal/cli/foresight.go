package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// experience is what an earlier run tells of one that is planned. The zero value
// tells nothing.
type experience struct {
	// run is the run's ID; empty where there is none.
	run string
	// samples were taken from first to last.
	samples     int
	first, last time.Time
	// cold and warm hold one value of init + duration for each execution
	// environment, that of its cold start and the median of its warm invocations.
	cold, warm map[coldstart.Config]stats.Ordered
}

// experienced reads the newest run of a folder that fits and has samples to go by.
func experienced(runs string, fits func(runfile.Header) bool) (experience, error) {
	entries, _, err := runfile.Folder(runs)
	if err != nil {
		return experience{}, err
	}
	for _, e := range slices.Backward(entries) {
		if !fits(e.Header) {
			continue
		}
		if x, err := experienceOf(e); err != nil || x.samples >= 2 {
			return x, err
		}
	}
	return experience{}, nil
}

func experienceOf(e runfile.Entry) (experience, error) {
	x := experience{run: e.Header.ID, cold: map[coldstart.Config]stats.Ordered{}, warm: map[coldstart.Config]stats.Ordered{}}
	type environment struct {
		config coldstart.Config
		name   string
	}
	cold, warm := map[coldstart.Config][]float64{}, map[environment][]float64{}
	_, err := runfile.Scan(e.Path, func(s *coldstart.Sample) {
		if x.samples == 0 {
			x.first = s.At
		}
		x.samples, x.last = x.samples+1, s.At
		v, ok := coldstart.Total(*s)
		switch {
		case !ok:
		case s.Class == coldstart.ClassCold && (s.Strategy == e.Header.Plan.Strategy || e.Header.Plan.Strategy == ""):
			cold[s.Config] = append(cold[s.Config], v)
		case s.Class == coldstart.ClassWarm:
			at := environment{s.Config, s.Environment}
			warm[at] = append(warm[at], v)
		}
	})
	if err != nil {
		return experience{}, err
	}
	for c, v := range cold {
		x.cold[c] = stats.Order(v)
	}
	middles := map[coldstart.Config][]float64{}
	for at, v := range warm {
		m, _ := stats.Order(v).Median()
		middles[at.config] = append(middles[at.config], m)
	}
	for c, v := range middles {
		x.warm[c] = stats.Order(v)
	}
	return x, nil
}

// pace is how long so many invocations would take.
func (x experience) pace(invocations int) time.Duration {
	if x.samples < 2 {
		return 0
	}
	return time.Duration(float64(x.last.Sub(x.first)) * float64(invocations) / float64(x.samples))
}

// planned is a config of a plan, under the name that it has in tables and under
// the one by which an earlier run knows it.
type planned struct {
	title string
	known coldstart.Config
	// from is what it is compared with; nil for nothing.
	from *planned
}

// title names each config after its variant, and its memory size and architecture
// where a plan has several.
func title(configs []planned) {
	sizes, archs := map[int]bool{}, map[string]bool{}
	for _, c := range configs {
		sizes[c.known.MemoryMB], archs[c.known.Arch] = true, true
	}
	for i, c := range configs {
		configs[i].title = c.known.Variant
		if len(sizes) > 1 {
			configs[i].title += fmt.Sprintf(" %d MB", c.known.MemoryMB)
		}
		if len(archs) > 1 {
			configs[i].title += " " + c.known.Arch
		}
	}
}

// compared sets each config of a plan against the baseline of its memory size and
// architecture. Where there is nothing to compare they stand alone.
func compared(configs []planned, baseline string) []planned {
	title(configs)
	if baseline == "" && len(configs) > 0 {
		baseline = configs[0].known.Variant
	}
	var pairs []planned
	for _, c := range configs {
		i := slices.IndexFunc(configs, func(b planned) bool {
			return b.known.Variant == baseline && b.known.MemoryMB == c.known.MemoryMB && b.known.Arch == c.known.Arch
		})
		if i >= 0 && c.known != configs[i].known {
			c.from = &configs[i]
			pairs = append(pairs, c)
		}
	}
	if len(pairs) == 0 {
		return configs
	}
	return pairs
}

// foundIn is how probable it is that a difference is found which a plan is said to
// show.
const foundIn = 0.8

// foresee says which differences a plan can show, or how narrow the interval of a
// config that stands alone will be, where its values spread as they did before.
func (x experience) foresee(m measure, configs []planned) string {
	if enough := stats.MinSamples(0.5, analysis.Confidence); m.runs < enough {
		return fmt.Sprintf("what it can show: nothing of medians, for an interval needs %d cold starts\n", enough)
	}
	if x.run == "" {
		return "what it can show: not known, for there is no earlier run to go by\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "what it can show of the median of init + duration, at the spread seen in %s:\n", x.run)
	for _, c := range configs {
		var parts []string
		for _, class := range []struct {
			name  string
			asked bool
			of    map[coldstart.Config]stats.Ordered
		}{{"cold", !m.warm, x.cold}, {"warm", !m.cold && m.warmRuns > 1, x.warm}} { // the first warm one is a class of its own
			if share, ok := c.foreseen(class.of, m.runs); ok && class.asked {
				parts = append(parts, share+" "+class.name)
			}
		}
		what, name := "to within about ", c.title
		switch {
		case len(parts) == 0:
			if c.from != nil {
				name += ", against " + c.from.title
			}
			what = "not known, for that run has too few values of it, or equal ones"
		case c.from != nil:
			what = "a difference from " + c.from.title + ", 4 times of 5, of "
		}
		fmt.Fprintf(&b, "  %s: %s%s\n", name, what, strings.Join(parts, ", "))
	}
	return b.String()
}

// foreseen is what n environments show of a config; false where that is not known.
func (c planned) foreseen(of map[coldstart.Config]stats.Ordered, n int) (string, bool) {
	if c.from == nil {
		width, ok := of[c.known].HalfWidth(n, analysis.Confidence)
		return percent(width), ok
	}
	times, ok := stats.Detectable(of[c.known], of[c.from.known], n, analysis.Confidence, foundIn)
	return percent(times-1) + " or more", ok
}

// percent prints a share with two digits.
func percent(share float64) string {
	if share >= 0.0995 {
		return fmt.Sprintf("%.0f %%", 100*share)
	}
	return fmt.Sprintf("%.2g %%", 100*share)
}
