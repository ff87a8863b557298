package analysis

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// measure is a class and a metric.
type measure struct {
	class  coldstart.Class
	metric coldstart.Metric
}

// measuresOf reads CLASS.METRIC.
func measuresOf(names []string) ([]measure, error) {
	if len(names) == 0 {
		names = []string{"cold.total", "warm.total"}
	}
	var list []measure
	for _, name := range names {
		class, metric, ok := strings.Cut(name, ".")
		found := false
		for _, c := range classes() {
			for _, m := range coldstart.MetricsOf() {
				if ok && string(c) == class && (m.Name == metric || strings.ReplaceAll(m.Name, " ", "-") == metric) && has(c, m.Name) {
					list, found = append(list, measure{c, m}), true
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("metric %q: a class and a metric, cold.total say", name)
		}
	}
	return list, nil
}

// CheckMetric reports whether a name is CLASS.METRIC of a class and a metric
// that there are.
func CheckMetric(name string) error {
	_, err := measuresOf([]string{name})
	return err
}
