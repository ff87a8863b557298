package lambdalog

import (
	"encoding/json"
	"math"
	"strconv"
)

// object writes the JSON of an event.
type object struct{ b []byte }

// openEvent begins an event with its time and type, the fields around its
// record and the record's brace.
func openEvent(time string, kind Kind, extra []Field) *object {
	o := &object{b: append(make([]byte, 0, 320), '{')}
	o.text("time", time)
	o.text("type", platform+string(kind))
	o.extra(extra, InEvent, "time", "type", "record")
	o.open("record")
	return o
}

// name begins a member.
func (o *object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(quote(o.b, name), ':')
}

func (o *object) open(name string) {
	o.name(name)
	o.b = append(o.b, '{')
}

func (o *object) close() { o.b = append(o.b, '}') }

// text writes a string that is there.
func (o *object) text(name, value string) {
	if value == "" {
		return
	}
	o.name(name)
	o.b = quote(o.b, value)
}

// number writes a number that is there. AWS writes durations with up to three
// decimals and at least one.
func (o *object) number(name string, v *float64, decimals int) {
	if v == nil || !valid(*v) {
		return
	}
	o.name(name)
	o.b = strconv.AppendFloat(o.b, math.Abs(*v), 'f', decimals, 64)
	for n := len(o.b); decimals > 1 && o.b[n-1] == '0'; decimals-- {
		n--
		o.b = o.b[:n]
	}
}

// metricNames are the metrics of a platform.report; other events have the first.
var metricNames = [...]string{
	"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB",
	"initDurationMs", "restoreDurationMs", "billedRestoreDurationMs",
}

// closeMetrics writes the metrics that are not known and ends them.
func (o *object) closeMetrics(extra []Field, known []string) {
	o.extra(extra, InMetrics, known...)
	o.close()
}

// extra writes the fields of a place, without those whose name is taken and
// those that are no JSON.
func (o *object) extra(extra []Field, in Place, taken ...string) {
	if len(extra) == 0 {
		return
	}
	written := make(map[string]bool)
	for _, name := range taken {
		written[name] = true
	}
	for _, f := range extra {
		if f.In != in || written[f.Key] || f.Literal && !json.Valid([]byte(f.Value)) {
			continue
		}
		written[f.Key] = true
		o.name(f.Key)
		if f.Literal {
			o.b = append(o.b, compact(f.Value)...)
		} else {
			o.b = quote(o.b, f.Value)
		}
	}
}

// finish writes the record's other fields and ends the event.
func (o *object) finish(extra []Field, known []string) []byte {
	o.extra(extra, InRecord, known...)
	return append(o.b, "}}"...)
}
