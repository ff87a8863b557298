package render_test

import (
	"bytes"
	"strings"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/price"
	"coldbench/bench/internal/render"
)

func TestCost(t *testing.T) {
	r := analysis.New(reports()["normal"])
	table := &price.Table{Source: "made up", Regions: map[string]price.Region{
		"here-1": {Date: "2026-01-02", AMD64: &price.Rates{GBSecondUSD: 0.1, RequestUSD: 0.0000002}, ARM64: &price.Rates{GBSecondUSD: 0.1, RequestUSD: 0.0000002}},
	}}
	for _, test := range []struct {
		region string
		want   map[string][]string
	}{
		{"here-1", map[string][]string{
			"text":     {"USD per million", "prices of here-1 (2026-01-02)", "which are not Lambda's"},
			"markdown": {"### Cost", "| USD per million", "prices of here-1 (2026-01-02)"},
			"json":     {`"usdPerMillion"`, `"date": "2026-01-02"`, `"source": "made up"`},
		}},
		{"there-1", map[string][]string{
			"text":     {"is not known", "there-1"},
			"markdown": {"### Cost", "is not known", "there-1"},
			"json":     {`"unknown"`},
		}},
	} {
		r.Price(table, test.region)
		for name, wants := range test.want {
			f, ok := render.Lookup(name)
			var b bytes.Buffer
			if !ok || f.Write(&b, r) != nil {
				t.Fatalf("no format %s", name)
			}
			text := strings.Join(strings.Fields(b.String()), " ")
			for _, want := range wants {
				if !strings.Contains(text, want) {
					t.Errorf("%s in %s lacks %q:\n%s", test.region, name, want, b.String())
				}
			}
		}
	}
}
