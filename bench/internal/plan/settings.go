package plan

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type setting struct {
	// flags are one flag that takes the value or, if bare, flags without a value:
	// with two of them, the name of the one that is given is the value.
	flags []string
	field func(*Plan) any
	// backend is the only one that has the flags; empty for every one.
	backend string
	bare    bool
	// zero is true if 0 is a value like any other. Else it means that the setting
	// does not apply.
	zero bool
	// condition is true if --against takes the value from the earlier run.
	condition bool
}

// settings lists the fields that flags set, in the order of a command line. Only
// PayloadSha256 is missing: the event is not known from its digest.
var settings = []setting{
	{flags: []string{"network"}, field: func(p *Plan) any { return &p.Network }, backend: "local", condition: true},
	{flags: []string{"cpu"}, field: func(p *Plan) any { return &p.CPU }, backend: "local", condition: true},
	{flags: []string{"cpu-period"}, field: func(p *Plan) any { return &p.CPUPeriod }, backend: "local", condition: true},
	{flags: []string{"parallel"}, field: func(p *Plan) any { return &p.Parallel }, backend: "aws"},
	{flags: []string{"burst"}, field: func(p *Plan) any { return &p.Burst }, backend: "aws"},
	{flags: []string{"idle"}, field: func(p *Plan) any { return &p.Idle }, backend: "aws"},
	{flags: []string{"redeploy"}, field: func(p *Plan) any { return &p.Redeploy }, backend: "aws"},
	{flags: []string{"strategy"}, field: func(p *Plan) any { return &p.Strategy }, backend: "aws"},
	{flags: []string{"runs"}, field: func(p *Plan) any { return &p.Runs }},
	{flags: []string{"warm-runs"}, field: func(p *Plan) any { return &p.WarmRuns }, zero: true},
	{flags: []string{"cold", "warm"}, field: func(p *Plan) any { return &p.Only }, bare: true},
	{flags: []string{"memory"}, field: func(p *Plan) any { return &p.MemoryMB }},
	{flags: []string{"arch"}, field: func(p *Plan) any { return &p.Arch }, condition: true},
	{flags: []string{"pause"}, field: func(p *Plan) any { return &p.Pause }, zero: true, condition: true},
	{flags: []string{"timeout"}, field: func(p *Plan) any { return &p.Timeout }, backend: "local", condition: true},
	{flags: []string{"precision"}, field: func(p *Plan) any { return &p.Precision }},
	{flags: []string{"control"}, field: func(p *Plan) any { return &p.Control }, bare: true},
	{flags: []string{"retries"}, field: func(p *Plan) any { return &p.Retries }, zero: true},
	{flags: []string{"baseline"}, field: func(p *Plan) any { return &p.Baseline }},
	{flags: []string{"against"}, field: func(p *Plan) any { return &p.Against }, backend: "local"},
	{flags: []string{"seed"}, field: func(p *Plan) any { return &p.Seed }, zero: true},
}

func (s setting) value(p *Plan) reflect.Value { return reflect.ValueOf(s.field(p)).Elem() }

func (s setting) applies(p *Plan) bool {
	v := s.value(p)
	return s.zero || !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0)
}

// Resume takes every setting from the plan of an earlier run, except those whose
// flag was given.
func (p *Plan) Resume(from Plan, given func(flag string) bool) { p.take(from, given, false) }

// TakeConditions takes from the plan of an earlier run the settings under which
// its images were measured, except those whose flag was given.
func (p *Plan) TakeConditions(from Plan, given func(flag string) bool) {
	p.take(from, given, true)
	p.clear()
}

func (p *Plan) take(from Plan, given func(flag string) bool, conditions bool) {
	for _, s := range settings {
		typed := false
		for _, flag := range s.flags {
			typed = typed || given(flag)
		}
		if !typed && s.applies(&from) && (s.condition || !conditions) {
			s.value(p).Set(s.value(&from))
		}
	}
}

// Args returns the flags that ask bench local or bench aws, named by backend, for
// this plan, every setting spelled out.
func (p Plan) Args(backend string) []string {
	var args []string
	for _, s := range settings {
		flag := s.flags[0]
		switch {
		case s.backend != "" && s.backend != backend, !s.applies(&p):
			continue
		case flag == "strategy" && p.Redeploy > 0:
			continue // --redeploy implies it
		case flag == "runs" && p.Precision != "":
			flag = "max-runs"
		case len(s.flags) > 1:
			flag = s.value(&p).String()
		}
		args = append(args, "--"+flag)
		if !s.bare {
			args = append(args, text(s.field(&p)))
		}
	}
	return args
}

func text(field any) string {
	switch v := field.(type) {
	case *Millis:
		return strconv.FormatFloat(v.Number(), 'f', -1, 64) + "ms"
	case *Seconds:
		return strconv.FormatFloat(v.Number(), 'f', -1, 64) + "s"
	case *[]string:
		return strings.Join(*v, ",")
	case *[]int:
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(*v), "[]"), " ", ",")
	}
	return fmt.Sprint(reflect.ValueOf(field).Elem())
}

// Shell joins words to a command line, quoted where a shell needs it.
func Shell(words []string) string {
	quoted := slices.Clone(words)
	for i, w := range words {
		if !plainWord.MatchString(w) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

var plainWord = regexp.MustCompile(`^[-a-zA-Z0-9_./:=@,]+$`)
