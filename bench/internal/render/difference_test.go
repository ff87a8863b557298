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
		{signed(0.004), "0.00"},
		{signed(-0.004), "0.00"},
		{signed(-1.25), "-1.25"},
		{signed(25.31), "+25.3"},
		{effect(0.1469), "negligible"},
		{effect(-0.147), "small"},
		{effect(0.33), "medium"},
		{effect(-0.474), "large"},
		{shift(analysis.Estimate{}), "-"},
		{shift(analysis.Estimate{Value: ms(3)}), "+3.00"},
		{shift(analysis.Estimate{Value: ms(-3), Low: ms(-4), High: ms(0.5)}), "-3.00 (-4.00 to +0.50)"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
