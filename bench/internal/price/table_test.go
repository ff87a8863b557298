package price

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCost(t *testing.T) {
	table := Default()
	for _, test := range []struct {
		name         string
		billedMs     float64
		memoryMB     int
		arch, region string
		// perMillion is worked out by hand.
		perMillion float64
	}{
		// A million seconds at 1024 MB are a million GB-seconds.
		{"a second at a GB", 1000, 1024, "amd64", "us-east-1", 16.6667 + 0.20},
		{"arm64", 1000, 1024, "arm64", "us-east-1", 13.3334 + 0.20},
		{"half of the memory, half of the price", 1000, 512, "amd64", "us-east-1", 8.33335 + 0.20},
		// 4 ms * 0.125 GB = 500 GB-seconds a million.
		{"a short one", 4, 128, "amd64", "us-east-1", 500*0.0000166667 + 0.20},
		{"a fraction counts as a whole millisecond", 3.01, 128, "amd64", "us-east-1", 500*0.0000166667 + 0.20},
		{"a request costs even where nothing is billed", 0, 128, "amd64", "us-east-1", 0.20},
		{"another region", 1000, 1024, "amd64", "af-south-1", 22.1 + 0.27},
	} {
		t.Run(test.name, func(t *testing.T) {
			rates, err := table.Rates(test.arch, test.region)
			got := rates.Cost(test.billedMs, test.memoryMB)
			if err != nil || math.Abs(got*1e6-test.perMillion) > 1e-9 {
				t.Errorf("%v dollars a million, %v, want %v", got*1e6, err, test.perMillion)
			}
		})
	}
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	table := Default()
	for _, test := range []struct{ arch, region string }{
		{"amd64", ""},
		{"amd64", "us-east-9"},
		{"riscv64", "us-east-1"},
		{"x86_64", "us-east-1"},
	} {
		got, err := table.Rates(test.arch, test.region)
		if got.GBSecondUSD != 0 || got.RequestUSD != 0 || !errors.Is(err, ErrUnknown) {
			t.Errorf("%+v: %v, %v", test, got, err)
		}
	}
}

func TestTheTableBuiltIn(t *testing.T) {
	table := Default()
	if table.Source == "" || len(table.Regions) < 10 {
		t.Fatalf("%d regions from %q", len(table.Regions), table.Source)
	}
	for _, name := range table.Names() {
		r := table.Regions[name]
		if r.AMD64 == nil || r.ARM64 == nil {
			t.Errorf("%s lacks an architecture", name)
			continue
		}
		// Graviton costs four fifths everywhere, requests are the same, and no
		// region is cheaper than Virginia or twice as dear: a slip of the pen is.
		if q := r.ARM64.GBSecondUSD / r.AMD64.GBSecondUSD; math.Abs(q-0.8) > 0.003 {
			t.Errorf("%s: arm64 costs %v times amd64", name, q)
		}
		if q := r.AMD64.GBSecondUSD / 0.0000166667; q < 1 || q > 1.5 {
			t.Errorf("%s: %v times Virginia", name, q)
		}
		if r.AMD64.RequestUSD != r.ARM64.RequestUSD || r.AMD64.RequestUSD < 0.0000002 || r.AMD64.RequestUSD > 0.0000003 {
			t.Errorf("%s: requests %v and %v", name, r.AMD64.RequestUSD, r.ARM64.RequestUSD)
		}
		for _, rates := range []*Rates{r.AMD64, r.ARM64} {
			last := rates.GBSecondUSD
			for _, tier := range rates.Tiers {
				if tier.GBSecondUSD >= last || tier.AboveGBSeconds <= 0 {
					t.Errorf("%s: tier %+v after %v", name, tier, last)
				}
				last = tier.GBSecondUSD
			}
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prices.json")
	good := `{"source":"mine","regions":{"here-1":{"date":"2026-01-02","arm64":{"gbSecondUSD":0.00001,"requestUSD":0.0000001}}}}`
	for _, test := range []struct{ name, text, want string }{
		{"good", good, ""},
		{"a month", strings.Replace(good, "-02\"", "\"", 1), ""},
		{"empty", "", "EOF"},
		{"no regions", `{"source":"mine"}`, "no regions"},
		{"a misspelt key", strings.Replace(good, "requestUSD", "requestsUSD", 1), "requestsUSD"},
		{"no date", strings.Replace(good, "2026-01-02", "", 1), `region "here-1": date ""`},
		{"no architecture", `{"regions":{"here-1":{"date":"2026-01-02"}}}`, "neither"},
		{"a price of 0", strings.Replace(good, "0.00001,", "0,", 1), "a price of 0 dollars"},
		{"a negative price", strings.Replace(good, "0.00001,", "-0.00001,", 1), "a price of"},
		{"a price a million times too high", strings.Replace(good, "0.00001,", "10,", 1), "a price of 10 dollars"},
		{"a missing price", strings.Replace(good, `"gbSecondUSD":0.00001,`, "", 1), "a price of 0 dollars"},
		{"two documents", good + good, "more than one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			table, err := Load(path)
			if test.want != "" {
				if err == nil || table != nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("%v, %v, want an error with %q", table, err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := table.Rates("arm64", "here-1"); err != nil {
				t.Error(err)
			}
			if _, err := table.Rates("amd64", "here-1"); !errors.Is(err, ErrUnknown) {
				t.Errorf("an architecture that was left out: %v", err)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
