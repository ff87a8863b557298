package render

import (
	"math"
	"strconv"
)

// scale is the range of an axis and its ticks.
type scale struct {
	min, max float64
	log      bool
	ticks    []float64
	// label prints a tick; nil is tickLabel.
	label func(float64) string
}

// share is where a value lies between the ends, from 0 to 1.
func (s scale) share(v float64) float64 {
	if s.log {
		return math.Log(v/s.min) / math.Log(s.max/s.min)
	}
	return (v - s.min) / (s.max - s.min)
}

func (s scale) labelOf(v float64) string {
	if s.label != nil {
		return s.label(v)
	}
	return tickLabel(v)
}

// scaleOf finds round ends and about so many ticks for values between lo and hi, on
// a logarithmic axis from a factor of 10 on, unless it begins at 0.
func scaleOf(lo, hi float64, about int, fromZero bool) scale {
	if !fromZero && lo > leastLog && hi < mostLog && hi >= 10*lo {
		return logScale(lo, hi, about)
	}
	if fromZero {
		lo = math.Min(lo, 0)
	}
	if hi-lo <= 1e-12*math.Max(1, math.Abs(hi)) { // one value
		pad := math.Max(math.Abs(hi)*0.1, 0.5)
		lo, hi = lo-pad, hi+pad
		if fromZero {
			lo = math.Min(0, lo+pad)
		}
	}
	step := niceStep((hi - lo) / float64(max(about, 1)))
	if ratio := math.Max(math.Abs(lo), math.Abs(hi)) / step; !(ratio < 1e12) {
		// Beyond what a number can tell apart: no measurement is.
		return scale{min: lo, max: hi, ticks: []float64{lo, hi}}
	}
	const rounding = 1e-9 // of 3.6/0.2, say
	s := scale{min: math.Floor(lo/step+rounding) * step, max: math.Ceil(hi/step-rounding) * step}
	n := int(math.Round((s.max - s.min) / step))
	for i := 0; i <= n; i++ {
		s.ticks = append(s.ticks, s.min+float64(i)*step)
	}
	return s
}

// Beyond these, in ms, an axis stays linear: a run file may hold anything.
const leastLog, mostLog = 1e-9, 1e15

func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func logScale(lo, hi float64, about int) scale {
	s := scale{log: true}
	steps := []float64{1, 2, 5}
	if math.Log10(hi/lo)*3 > 1.5*float64(about) {
		steps = []float64{1}
	}
	var all []float64
	for e := math.Floor(math.Log10(lo)) - 1; e <= math.Ceil(math.Log10(hi))+1; e++ {
		for _, m := range steps {
			all = append(all, m*math.Pow(10, e))
		}
	}
	first, last := 0, len(all)-1
	for i, v := range all {
		if v <= lo*(1+1e-9) {
			first = i
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] >= hi*(1-1e-9) {
			last = i
		}
	}
	s.ticks = all[first : last+1]
	s.min, s.max = s.ticks[0], s.ticks[len(s.ticks)-1]
	return s
}

// tickLabel prints a tick's value with as many digits as it has.
func tickLabel(v float64) string {
	if a := math.Abs(v); a >= mostLog || a > 0 && a < 1e-6 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

type chart struct {
	x, y           scale
	xLabel, yLabel string
	// noX leaves out the lines at the x axis's ticks; bare has no y axis.
	noX, bare bool
	data      func(*drawing, plane)
}

// plane is the area between the axes of a chart.
type plane struct {
	left, top, right, bottom float64
	chart
}

func (p plane) at(x, y float64) point {
	return point{p.left + p.x.share(x)*(p.right-p.left), p.bottom - p.y.share(y)*(p.bottom-p.top)}
}

func (c chart) draw(d *drawing, left, top, right, bottom float64) {
	p := plane{left, top, right, bottom - 18, c}
	if c.xLabel != "" {
		p.bottom -= 16
	}
	if !c.bare {
		widest := 34.0 // so that charts below one another begin alike
		for _, v := range c.y.ticks {
			widest = max(widest, widthOf(c.y.labelOf(v), textSize))
		}
		p.left += widest + 6
		if c.yLabel != "" {
			p.left += 16
		}
	}
	var lines, marks [][]point
	for _, v := range c.x.ticks {
		at := p.at(v, c.y.min)
		if !c.noX {
			lines = append(lines, []point{at, {at.x, p.top}})
		}
		marks = append(marks, []point{at, {at.x, at.y + 4}})
		d.text(inkMuted, at.x, at.y+15, c.x.labelOf(v), middle)
	}
	marks = append(marks, []point{{p.left, p.bottom}, {p.right, p.bottom}})
	if !c.bare {
		for _, v := range c.y.ticks {
			at := p.at(c.x.min, v)
			lines = append(lines, []point{at, {p.right, at.y}})
			marks = append(marks, []point{at, {at.x - 4, at.y}})
			d.text(inkMuted, at.x-6, at.y+4, c.y.labelOf(v), end)
		}
		marks = append(marks, []point{{p.left, p.bottom}, {p.left, p.top}})
	}
	if c.xLabel != "" {
		d.text(inkText, (p.left+p.right)/2, bottom-3, c.xLabel, middle)
	}
	if c.yLabel != "" {
		x, y := left+11, (p.top+p.bottom)/2
		d.text(inkText, x, y, c.yLabel, middle+` transform="rotate(-90 `+tenth(x)+" "+tenth(y)+`)"`)
	}
	d.line(inkGrid, 1, "", lines...)
	c.data(d, p)
	d.line(inkAxis, 1, "", marks...)
}
