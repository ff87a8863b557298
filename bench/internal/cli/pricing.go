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
	// table is the one of --prices, or nil for the one that is built in.
	table *price.Table
}

func (p *pricing) register(s *pflag.FlagSet) {
	s.StringVar(&p.region, "price-region", "", "region whose prices are shown (default where a run on AWS ran, else "+price.DefaultRegion+")")
	s.StringVar(&p.file, "prices", "", "JSON file of prices in place of the table that is built in")
}

// check reads the file and finds the region in it.
func (p *pricing) check(dir string) error {
	if p.file != "" {
		table, err := price.Load(absolute(dir, p.file))
		if err != nil {
			return usagef("--prices: %w", err)
		}
		p.table = table
	}
	if names := p.prices().Names(); p.region != "" && !slices.Contains(names, p.region) {
		return usagef("--price-region %q: known are %s; --prices FILE knows others", p.region, strings.Join(names, ", "))
	}
	return nil
}

func (p *pricing) prices() *price.Table {
	if p.table != nil {
		return p.table
	}
	return price.Default()
}

// analyse reports on runs, with what invocations would cost.
func (a *app) analyse(inputs []analysis.Input) *analysis.Report {
	r := analysis.New(inputs)
	r.Price(a.pricing.prices(), a.pricing.region)
	return r
}
