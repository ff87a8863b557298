package analysis

import (
	"cmp"
	"math"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/price"
)

// Costs are what a million invocations would cost, not what the run cost.
type Costs struct {
	// Region is the prices', Date when they were last seen, Source where.
	Region string `json:"region"`
	Date   string `json:"date,omitempty"`
	Source string `json:"source,omitempty"`
	// Unknown says why there are no numbers; empty where there are.
	Unknown string     `json:"unknown,omitempty"`
	Lines   []CostLine `json:"lines"`
}

// CostLine is one class of every column.
type CostLine struct {
	Class string     `json:"class"`
	Cells []CostCell `json:"cells"`
}

// CostCell is one class of one column. What was not measured is nil.
type CostCell struct {
	// Invocations is the number of invocations that the mean is of.
	Invocations int `json:"invocations"`
	// BilledMs is their mean Billed Duration: a bill is a sum.
	BilledMs *float64 `json:"meanBilledDurationMs"`
	// USD is the price of a million invocations, requests included.
	USD *float64 `json:"usdPerMillion"`
}

// billingOf takes the mean Billed Duration, which holds init and Billed Restore
// Duration, of each class that the headline shows.
func billingOf(columns []Column, o observed, only string) []CostLine {
	var lines []CostLine
	for _, class := range o.among(only, coldstart.ClassCold, coldstart.ClassWarm) {
		line := CostLine{Class: string(class), Cells: make([]CostCell, len(columns))}
		for i := range columns {
			sum, n := 0.0, 0
			for _, v := range o.of(i, class).values[placeOf("billed")] {
				if v >= 0 { // not NaN
					sum += math.Ceil(v)
					n++
				}
			}
			if n > 0 {
				mean := sum / float64(n)
				line.Cells[i] = CostCell{Invocations: n, BilledMs: &mean}
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// Price adds to each section what a million invocations would cost in a region; if
// that is empty, where an AWS run ran, and else in price.DefaultRegion. A price that
// the table lacks is reported, not guessed. It may be called again.
func (r *Report) Price(table *price.Table, region string) {
	for i := range r.Sections {
		r.Sections[i].Costs = r.Sections[i].costs(table, region)
	}
}

func (s *Section) costs(table *price.Table, region string) *Costs {
	if len(s.billing) == 0 {
		return nil
	}
	if region == "" && s.Place == "aws" {
		region = s.Engine
	}
	region = cmp.Or(region, price.DefaultRegion)
	c := &Costs{Region: region, Date: table.Regions[region].Date, Source: table.Source, Lines: []CostLine{}}
	for _, l := range s.billing {
		line := CostLine{Class: l.Class, Cells: slices.Clone(l.Cells)}
		for i := range line.Cells {
			cell := &line.Cells[i]
			rates, err := table.Rates(s.Columns[i].Arch, region)
			if err != nil {
				return &Costs{Region: region, Source: table.Source, Unknown: err.Error(), Lines: []CostLine{}}
			}
			if cell.BilledMs != nil {
				usd := rates.Million(*cell.BilledMs, s.Columns[i].MemoryMB)
				cell.USD = &usd
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}
