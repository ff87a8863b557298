package plan

import (
	"fmt"

	"coldbench/bench/internal/coldstart"
)

// Listing returns a line for each config, with a note of its own.
func Listing(configs []coldstart.Config, note func(i int) string) string {
	width, text := 12, ""
	for _, c := range configs {
		width = max(width, len(c.Variant))
	}
	for i, c := range configs {
		text += fmt.Sprintf("  %-*s %5d MB  %s  %s\n", width, c.Variant, c.MemoryMB, c.Arch, note(i))
	}
	return text
}

// Forcing returns lines that say what is done to functions on AWS to force their
// cold starts.
func (p Plan) Forcing(e Effort) string {
	text := ""
	if p.Control != "" {
		text += fmt.Sprintf("%s is the baseline's own function, sampled once more each round: it shows the noise of sampling, not that of a second deployment\n", p.Control)
	}
	if p.Redeploy > 0 {
		after := fmt.Sprint(p.Runs / p.Redeploy)
		if p.Runs%p.Redeploy > 0 {
			after += fmt.Sprintf(" or %d", p.Runs/p.Redeploy+1)
		}
		text += fmt.Sprintf("%s to each function, of images that it never had: 1 first cold start after each, then %s of the %d\n", Plural(p.Redeploy, "deployment"), after, p.Runs)
	}
	if e.Updates == 0 {
		return text + fmt.Sprintf("strategy %s, which changes nothing\n", p.Strategy)
	}
	return text + fmt.Sprintf("%s of %s by strategy %s, restored at the end\n", Plural(e.Updates, "update"), Plural(e.Functions, "function"), p.Strategy)
}

// Dollars prints an amount.
func Dollars(v float64) string {
	if v > 0 && v < 0.01 {
		return fmt.Sprintf("%.4f USD", v)
	}
	return fmt.Sprintf("%.2f USD", v)
}
