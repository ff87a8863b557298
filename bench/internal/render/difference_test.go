package render

import (
	"testing"

	"coldbench/bench/internal/analysis"
)

func TestDifferencesInDigits(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	for _, tt := range []struct{ got, want string }{
		{probability(0), "< 0.0001"},
		{probability(0.00012), "0.0001"},
		{probability(0.0412), "0.0412"},
		{probability(1), "1.0000"},
		{shift(0.004), "0.00"},
		{shift(-0.004), "0.00"},
		{shift(-1.25), "-1.25"},
		{shift(25.31), "+25.3"},
		{effect(0.1469), "negligible"},
		{effect(-0.147), "small"},
		{effect(0.33), "medium"},
		{effect(-0.474), "large"},
		{estimate(analysis.Estimate{}, "", shift), "-"},
		{estimate(analysis.Estimate{Value: ms(3)}, "", shift), "+3.00"},
		{estimate(analysis.Estimate{Value: ms(-3), Low: ms(-4), High: ms(0.5)}, "", shift), "-3.00 (-4.00 to +0.50)"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
