package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/price"
)

// pricing says at which prices a report shows what invocations cost.
type pricing struct {
	region, file string
	// table is the one of --prices, or the one that is built in; set by check.
	table *price.Table
}

func (p *pricing) register(s *pflag.FlagSet) {
	s.StringVar(&p.region, "price-region", "", "region whose prices are shown (default where a run on AWS ran, else "+price.DefaultRegion+")")
	s.StringVar(&p.file, "prices", "", "JSON file of prices in place of the table that is built in")
}

// check reads the file and finds the region in it.
func (p *pricing) check(dir string) error {
	p.table = price.Default()
	if p.file != "" {
		var err error
		if p.table, err = price.Load(absolute(dir, p.file)); err != nil {
			return usagef("--prices: %w", err)
		}
	}
	if names := p.table.Names(); p.region != "" && !slices.Contains(names, p.region) {
		return usagef("--price-region %q: known are %s; --prices FILE knows others", p.region, strings.Join(names, ", "))
	}
	return nil
}

// analyse reports on runs, with what invocations would cost.
func (a *app) analyse(inputs []analysis.Input) *analysis.Report {
	r := analysis.New(inputs)
	r.Price(a.pricing.table, a.pricing.region)
	return r
}
