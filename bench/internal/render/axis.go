package render

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// textSize is that of labels; a picture is drawn as wide as it is shown.
const textSize = 12

// face returns the font that text is measured in. It is drawn in what the reader
// has of its kind, see svgFonts.
func face(size vg.Length, bold bool) font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = 3 // font.WeightBold
	}
	return f
}

// svgFonts are metrically alike.
const svgFonts = "Helvetica Neue,Helvetica,Arial,Liberation Sans,sans-serif"

// width is how many pixels a text takes at most. It is measured in Liberation
// Sans, as wide as Helvetica and Arial; where none of these is, a reader sees it
// in DejaVu Sans, say, which is up to a sixth wider.
func width(text string, size vg.Length, bold bool) vg.Length {
	const widest = 7.0 / 6
	f := font.DefaultCache.Lookup(face(size, bold), size)
	return f.Width(text) * widest
}

// newPlot returns an empty plot in this package's inks.
func newPlot(xLabel, yLabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: inkAxis, Width: 1}
		a.Tick.LineStyle = draw.LineStyle{Color: inkAxis, Width: 1}
		a.Tick.Length = 4
		a.Tick.Label.Color = inkMuted
		a.Tick.Label.Font = face(textSize, false)
		a.Label.TextStyle.Color = inkText
		a.Label.TextStyle.Font = face(textSize, false)
		a.Padding = 0
	}
	p.X.Label.Text, p.Y.Label.Text = xLabel, yLabel
	p.X.Label.Padding, p.Y.Label.Padding = 2, 4
	return p
}

// scale is the range of an axis and its ticks.
type scale struct {
	min, max float64
	log      bool
	ticks    []float64
}

// scaleOf finds round ends and ticks for values between lo and hi, about as many
// as asked for; on a logarithmic axis where the greatest is ten times the
// smallest or more. from is 0 where the axis is to begin there.
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

// Beyond these, in milliseconds, an axis stays linear: no measurement is there, but
// a run file may hold anything.
const leastLog, mostLog = 1e-9, 1e15

// niceStep is the least of 1, 2, 5 times a power of ten that is not below v.
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

// set gives the scale to an axis.
func (s scale) set(a *plot.Axis, label func(float64) string) {
	a.Min, a.Max = s.min, s.max
	if s.log {
		a.Scale = plot.LogScale{}
	}
	ticks := make(plot.ConstantTicks, len(s.ticks))
	for i, v := range s.ticks {
		ticks[i] = plot.Tick{Value: v, Label: label(v)}
	}
	a.Tick.Marker = ticks
}

// tickLabel prints a tick's value with as many digits as it has.
func tickLabel(v float64) string {
	if a := math.Abs(v); a >= mostLog || a > 0 && a < 1e-6 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// drawer is a plot.Plotter from a function.
type drawer func(c *canvas, area draw.Canvas, x, y func(float64) vg.Length)

// Plot calls the function with the transforms of the axes.
func (d drawer) Plot(area draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&area)
	// A part of an area is a draw.Canvas on a draw.Canvas.
	under := area.Canvas
	for {
		switch c := under.(type) {
		case draw.Canvas:
			under = c.Canvas
		case *canvas:
			d(c, area, x, y)
			return
		default:
			return
		}
	}
}

// gridLines draws a line at each tick.
func gridLines(xs, ys []float64) drawer {
	return func(c *canvas, area draw.Canvas, x, y func(float64) vg.Length) {
		c.SetColor(inkGrid)
		c.SetLineWidth(1)
		c.SetLineDash(nil, 0)
		var p vg.Path
		for _, v := range xs {
			p.Move(vg.Point{X: x(v), Y: area.Min.Y})
			p.Line(vg.Point{X: x(v), Y: area.Max.Y})
		}
		for _, v := range ys {
			p.Move(vg.Point{X: area.Min.X, Y: y(v)})
			p.Line(vg.Point{X: area.Max.X, Y: y(v)})
		}
		c.Stroke(p)
	}
}
