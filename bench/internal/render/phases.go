package render

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/analysis"
)

// phase is a stacked part.
type phase struct {
	name string
	ink  ink
	of   func(analysis.Phases) *float64
}

// The phases of a cold start. Where every column's init can be split, it is.
var (
	provisionPart = phase{"provision (not billed)", shade(7), func(p analysis.Phases) *float64 { return p.ProvisionMs }}
	initPart      = phase{"init", shade(0), func(p analysis.Phases) *float64 { return p.InitMs }}
	platformPart  = phase{"init: platform", shade(0), func(p analysis.Phases) *float64 { return p.PlatformMs }}
	processPart   = phase{"init: process", shade(5), func(p analysis.Phases) *float64 { return p.ProcessMs }}
	invokePart    = phase{"invoke", shade(1), func(p analysis.Phases) *float64 { return p.DurationMs }}
)

type bar struct {
	title  string
	phases analysis.Phases
}

// phases stacks the medians of what is billed, and once with what comes before.
func phases(s *analysis.Section, width float64) *figure {
	var bars []bar
	split, provisioned, negative := true, false, false
	for _, x := range s.Series {
		if x.Class != "cold" || x.Phases.InitMs == nil && x.Phases.DurationMs == nil {
			continue
		}
		bars = append(bars, bar{s.Columns[x.Column].Title, x.Phases})
		split = split && x.Phases.PlatformMs != nil
		for _, v := range []*float64{x.Phases.PlatformMs, x.Phases.ProcessMs} {
			negative = negative || v != nil && *v < 0
		}
		provisioned = provisioned || x.Phases.ProvisionMs != nil
	}
	if len(bars) == 0 {
		return nil
	}
	billed := []phase{initPart, invokePart}
	note := "Medians of the parts, which need not add up to the median of the whole."
	switch {
	case split && negative:
		note += " Init is not split: a part of it would be negative, see the tables."
	case split && s.Backend == "aws":
		billed = []phase{platformPart, processPart, invokePart}
		note += " Process: the age of the function's process at the first invocation, in steps of 10 ms. Platform: what of init came before it."
	case split:
		billed = []phase{platformPart, processPart, invokePart}
		note += " Platform: from execve to the function's own first instruction. Process: from there to its first GET /next."
	}
	f := &figure{title: "Phases of the median cold start", note: note}
	for _, p := range billed {
		f.legend = append(f.legend, key{text: p.name, ink: p.ink})
	}
	f.panels = append(f.panels, stacked("what is billed, ms", bars, billed, width))
	if provisioned {
		f.legend = append(f.legend, key{text: provisionPart.name, ink: provisionPart.ink})
		f.panels = append(f.panels, stacked("with the environment's provision, ms", bars, append([]phase{provisionPart}, billed...), width))
	}
	for _, b := range bars {
		text := b.title + ":"
		for _, p := range append([]phase{provisionPart}, billed...) {
			if v := p.of(b.phases); v != nil {
				text += " " + p.name + " " + digits(*v) + " ms,"
			}
		}
		f.desc = append(f.desc, strings.TrimSuffix(text, ",")+".")
	}
	f.desc = append([]string{fmt.Sprintf("Stacked bars, one for each of %d columns. %s", len(bars), f.note)}, f.desc...)
	return f
}

// stacked draws a bar for each column.
func stacked(heading string, bars []bar, parts []phase, width float64) panel {
	most := 0.0
	for _, b := range bars {
		sum := 0.0
		for _, p := range parts {
			if v := p.of(b.phases); v != nil {
				sum += *v
			}
		}
		most = max(most, sum)
	}
	const each = 40
	c := chart{x: scaleOf(0, most, int(width)/90, true), y: scale{max: 1}, bare: true}
	c.data = func(d *drawing, p plane) {
		for i, b := range bars {
			top := p.top + each*float64(i)
			sum := 0.0
			var values []string
			for _, part := range parts {
				v := part.of(b.phases)
				if v == nil {
					continue
				}
				from, to := p.at(sum, 0).x, p.at(sum+*v, 0).x
				d.box(part.ink, from, top+20, max(to-from-0.6, 0.4), 15)
				sum += *v
				values = append(values, digits(*v))
			}
			d.text(inkText, p.left+2, top+15, b.title, "")
			d.text(inkMuted, p.right, top+15, strings.Join(values, " + "), end+` font-size="11"`)
		}
	}
	return panel{heading: heading, height: float64(len(bars))*each + 34, chart: c}
}
