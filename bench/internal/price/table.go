// Package price says in US dollars what invocations of a Lambda function cost:
// a dated table of region x architecture, and the sum that AWS does with it.
//
// A region that is not in the table is an error, never a neighbour's price. Not
// included is what does not depend on a single function's packaging: the free tier,
// the volume tiers (which the table holds and Cost does not use), ephemeral storage
// beyond 512 MB, provisioned concurrency, SnapStart's cache, logs and traffic.
package price

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// DefaultRegion is the region whose prices are taken where none is asked for.
const DefaultRegion = "us-east-1"

// ErrUnknown is wrapped by the error for a region or an architecture that a
// table does not hold.
var ErrUnknown = errors.New("price unknown")

// Table holds prices. Its JSON form is what Load reads:
//
//	{
//	  "source": "where the prices are from",
//	  "regions": {
//	    "us-east-1": {
//	      "date": "2026-09-28",
//	      "amd64": {"gbSecondUSD": 0.0000166667, "requestUSD": 0.0000002,
//	                "tiers": [{"aboveGBSeconds": 6e9, "gbSecondUSD": 0.000015}]},
//	      "arm64": {"gbSecondUSD": 0.0000133334, "requestUSD": 0.0000002}
//	    }
//	  }
//	}
//
// An architecture may be left out; tiers are for the reader.
type Table struct {
	// Source says where the prices are from.
	Source string `json:"source"`
	// Regions is keyed by the region's name, "eu-west-1" say.
	Regions map[string]Region `json:"regions"`
}

// Region holds the prices of one region.
type Region struct {
	// Date is the day, YYYY-MM-DD, or the month, YYYY-MM, for which the prices
	// were last seen in a source.
	Date string `json:"date"`
	// AMD64 and ARM64 are nil where the price is not known.
	AMD64 *Rates `json:"amd64,omitempty"`
	ARM64 *Rates `json:"arm64,omitempty"`
}

// Rates are the prices of one region and architecture, in US dollars.
type Rates struct {
	// GBSecondUSD is the price of a GB-second in the first tier, a GB being 1024
	// MB of memory size.
	GBSecondUSD float64 `json:"gbSecondUSD"`
	// RequestUSD is the price of one request.
	RequestUSD float64 `json:"requestUSD"`
	// Tiers are the lower prices of an account that uses more; never applied.
	Tiers []Tier `json:"tiers,omitempty"`
}

// Tier is the price of what an account uses in a month beyond a volume.
type Tier struct {
	AboveGBSeconds float64 `json:"aboveGBSeconds"`
	GBSecondUSD    float64 `json:"gbSecondUSD"`
}

//go:embed prices.json
var embedded []byte

// Default returns the table that is built in.
func Default() *Table {
	t, err := Read(bytes.NewReader(embedded))
	if err != nil {
		panic("price: the table that is built in: " + err.Error()) // a test reads it
	}
	return t
}

// Load reads a table from a JSON file of the form that Table describes.
func Load(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading prices: %w", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("reading prices: %s: %w", path, err)
	}
	return t, nil
}

// Read reads a table. An unknown key, a price that is not positive or beyond a
// dollar, a missing date or an empty table is an error: each would be a wrong
// bill without a word.
func Read(r io.Reader) (*Table, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var t Table
	if err := dec.Decode(&t); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON document")
	}
	if len(t.Regions) == 0 {
		return nil, errors.New("no regions")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Regions)) {
		if err := t.Regions[name].check(); err != nil {
			return nil, fmt.Errorf("region %q: %w", name, err)
		}
	}
	return &t, nil
}

func (r Region) check() error {
	if _, err := time.Parse("2006-01-02", r.Date); err != nil {
		if _, err := time.Parse("2006-01", r.Date); err != nil {
			return fmt.Errorf("date %q, want YYYY-MM-DD or YYYY-MM", r.Date)
		}
	}
	if r.AMD64 == nil && r.ARM64 == nil {
		return errors.New("neither amd64 nor arm64")
	}
	for _, a := range []*Rates{r.AMD64, r.ARM64} {
		if a == nil {
			continue
		}
		prices := []float64{a.GBSecondUSD, a.RequestUSD}
		for _, tier := range a.Tiers {
			prices = append(prices, tier.GBSecondUSD)
		}
		for _, p := range prices {
			if !(p > 0 && p < 1) {
				return fmt.Errorf("a price of %v dollars, want more than 0 and less than 1", p)
			}
		}
	}
	return nil
}

// Names returns the regions of the table, sorted.
func (t *Table) Names() []string { return slices.Sorted(maps.Keys(t.Regions)) }

// Rates returns the prices of a region for "amd64" or "arm64". The error for one
// that the table lacks wraps ErrUnknown and names those that it has.
func (t *Table) Rates(arch, region string) (Rates, error) {
	r, ok := t.Regions[region]
	if !ok {
		return Rates{}, fmt.Errorf("%w: region %q; known are %s", ErrUnknown, region, strings.Join(t.Names(), ", "))
	}
	var rates *Rates
	switch arch {
	case "amd64":
		rates = r.AMD64
	case "arm64":
		rates = r.ARM64
	}
	if rates == nil {
		return Rates{}, fmt.Errorf("%w: architecture %q in region %s", ErrUnknown, arch, region)
	}
	return *rates, nil
}

// Million returns the price in dollars of a million invocations, requests
// included, whose Billed Durations, whole milliseconds each, have a mean.
func (r Rates) Million(meanBilledMs float64, memoryMB int) float64 {
	return 1e6 * (r.RequestUSD + meanBilledMs/1000*float64(memoryMB)/1024*r.GBSecondUSD)
}

// Cost returns the price in dollars of one invocation billed for billedMs
// milliseconds at a memory size in MB (1024 of which are a GB), its request
// included. A fraction of a millisecond counts as a whole one, as AWS counts
// it. Billed Duration already holds init and, for SnapStart, Billed Restore
// Duration: nothing is added to it.
func (r Rates) Cost(billedMs float64, memoryMB int) float64 {
	return r.RequestUSD + math.Ceil(billedMs)/1000*float64(memoryMB)/1024*r.GBSecondUSD
}
