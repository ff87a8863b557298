package plan

import "fmt"

// WithControl adds the baseline once more under another name, and returns that.
// variant is where a configuration says which variant it is of; without a baseline
// that is the first one's.
func WithControl[C any](configs []C, baseline string, variant func(*C) *string) ([]C, string, error) {
	if baseline == "" {
		baseline = *variant(&configs[0])
	}
	name := baseline + "-control"
	for _, c := range configs {
		switch *variant(&c) {
		case name:
			return nil, "", fmt.Errorf("--control: there is a variant %q already", name)
		case baseline:
			*variant(&c) = name
			configs = append(configs, c)
		}
	}
	return configs, name, nil
}
