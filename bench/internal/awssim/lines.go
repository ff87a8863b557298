package awssim

import (
	"math"
	"strings"
	"time"

	"coldbench/bench/lambdalog"
	"coldbench/bench/runtimeapi"
)

// levels are the system log levels of the JSON format; 0 for no such level.
var levels = map[string]int{"DEBUG": 1, "INFO": 2, "WARN": 3}

// precise is an invocation to the nanosecond; a text line has two decimals.
type precise struct {
	times   runtimeapi.Times
	success bool
}

// ms rounds to microseconds, as the JSON format does.
func ms(ns int64) float64 { return math.Round(float64(ns)/1e3) / 1e3 }

// report rewrites a REPORT with what the engine knows nothing of: the platform's
// part of init, and that init stands for the restoring of a snapshot.
func (p *precise) report(r lambdalog.Report) lambdalog.Report {
	if p == nil {
		return r
	}
	t := p.times
	if r.Metrics.InitDurationMs == nil { // init was not billed with it
		t.InitNs, t.RestoreNs = nil, nil
	}
	t.Bill(&r)
	return r
}

func (p *precise) text(line string) string {
	if p == nil || !strings.HasPrefix(line, "REPORT ") {
		return line
	}
	r, err := lambdalog.ParseReport(line)
	if err != nil {
		return line
	}
	return strings.TrimSuffix(p.report(r).Text(), "\n")
}

func (p *precise) event(at time.Time, line string) (text, level string) {
	e, err := lambdalog.Parse(line)
	if err != nil {
		return line, "INFO"
	}
	switch {
	case e.Report != nil:
		r := p.report(*e.Report)
		r.Time, level = stamp(at), "INFO"
		for _, v := range []*float64{r.Metrics.DurationMs, r.Metrics.InitDurationMs, r.Metrics.RestoreDurationMs} {
			if v != nil {
				*v = math.Round(*v*1e3) / 1e3
			}
		}
		if r.Status == "" {
			r.Status = "success"
			if p != nil && !p.success {
				r.Status = "failure"
			}
		}
		if r.Status != "success" {
			level = "WARN"
		}
		return string(r.JSON()), level
	case e.InitReport != nil:
		r := *e.InitReport
		r.Time, r.InitializationType = stamp(at), onDemand
		if r.Status == "" { // one that went well is only told of where it is not on demand
			r.Status, r.InitializationType = "success", provisioned
			return string(r.JSON()), "INFO"
		}
		return string(r.JSON()), "WARN"
	case e.RestoreReport != nil:
		r := *e.RestoreReport
		r.Time, r.Status = stamp(at), "success"
		return string(r.JSON()), "INFO"
	case e.Kind == lambdalog.KindRestoreStart:
		version, _ := e.Field("Runtime Version")
		return platformEvent(at, "platform.restoreStart", map[string]any{"runtimeVersion": version}), "INFO"
	case e.Kind == lambdalog.KindStart:
		version, _ := e.Field("Version")
		return platformEvent(at, "platform.start", map[string]any{"requestId": e.RequestID, "version": version}), "INFO"
	case e.Kind == lambdalog.KindEnd:
		record := map[string]any{"requestId": e.RequestID, "status": "success"}
		if level = "DEBUG"; p != nil {
			record["metrics"] = map[string]any{"durationMs": ms(p.times.DurationNs)}
			if !p.success {
				record["status"], level = "failure", "WARN"
			}
		}
		return platformEvent(at, "platform.runtimeDone", record), level
	case e.Kind == lambdalog.KindInitStart:
		record := map[string]any{"initializationType": "on-demand", "phase": "init"}
		if v, ok := e.Field("Runtime Version"); ok {
			record["runtimeVersion"] = v
		}
		return platformEvent(at, "platform.initStart", record), "INFO"
	}
	return line, "INFO"
}

func platformEvent(at time.Time, kind string, record map[string]any) string {
	return string(jsonOf(struct {
		Time   string         `json:"time"`
		Type   string         `json:"type"`
		Record map[string]any `json:"record"`
	}{stamp(at), kind, record}))
}
