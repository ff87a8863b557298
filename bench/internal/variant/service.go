package variant

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/emulator"
)

// The memory sizes that a function can have, in MiB.
const (
	minMemoryMB = 128
	maxMemoryMB = 10240
)

// outline is what a compose file says of itself and the order of its services.
type outline struct {
	Name     string    `yaml:"name"`
	Services yaml.Node `yaml:"services"`
}

// order returns the names of services as the file has them, others (include, extends) last.
func (o outline) order(services types.Services) []string {
	var names []string
	if o.Services.Kind == yaml.MappingNode {
		for i := 0; i < len(o.Services.Content); i += 2 {
			name := o.Services.Content[i].Value
			if _, ok := services[name]; ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// fromService turns a service into a variant; ignored is true where x-bench
// says so, and then nothing else of the service has to make sense.
func fromService(s types.ServiceConfig, r buildReader) (v coldstart.Variant, ignored bool, err error) {
	x, err := readExtension(s.Extensions["x-bench"])
	if err != nil {
		return coldstart.Variant{}, false, err
	}
	if x.ignore {
		return coldstart.Variant{}, true, nil
	}
	if s.Image == "" && s.Build == nil {
		return coldstart.Variant{}, false, advice.Hint(errors.New("it has neither image nor build"),
			"give it one of them, or x-bench: {ignore: true}")
	}
	v = coldstart.Variant{
		Name:       s.Name,
		Image:      s.Image,
		Platform:   s.Platform,
		WorkingDir: s.WorkingDir,
		Command:    s.Command,
		MemoryMB:   x.memoryMB,
		Zip:        x.zip,
		Doc:        x.doc,
	}
	// What an emulator wraps is the entrypoint's rest; an entrypoint of the
	// emulator alone leaves the command, as it would in the container.
	v.Entrypoint, _ = emulator.Strip(s.Entrypoint)
	r.warnOf(s)
	if s.Build != nil {
		if v.Build, err = r.read(s); err != nil {
			return coldstart.Variant{}, false, err
		}
		if v.Platform == "" && len(s.Build.Platforms) == 1 {
			v.Platform = s.Build.Platforms[0]
		}
	}
	if v.Environment, err = serviceEnvironment(s, r.env); err != nil {
		return coldstart.Variant{}, false, err
	}
	v.Warnings = r.warnings
	return v, false, nil
}

// serviceEnvironment returns the variables of env_file and environment, which wins,
// without those that have no value here or in the environment.
func serviceEnvironment(s types.ServiceConfig, env types.Mapping) (map[string]string, error) {
	p := types.Project{Services: types.Services{s.Name: s}, Environment: env}
	resolved, err := p.WithServicesEnvironmentResolved(true)
	if err != nil {
		return nil, fmt.Errorf("reading its environment: %w", err)
	}
	return valuesOf(resolved.Services[s.Name].Environment), nil
}

// valuesOf returns the variables that have a value; nil for none.
func valuesOf(m types.MappingWithEquals) map[string]string {
	if all := m.ToMapping(); len(all) > 0 {
		return all
	}
	return nil
}

// extension is what x-bench says.
type extension struct {
	ignore   bool
	zip      bool
	memoryMB int
	doc      string
}

// readExtension reads x-bench, nil if there is none. An unknown key is an error: a misspelt
// one would change what is measured.
func readExtension(x any) (extension, error) {
	if x == nil {
		return extension{}, nil
	}
	keys, ok := x.(map[string]any)
	if !ok {
		return extension{}, fmt.Errorf("x-bench is %v, want keys and values", x)
	}
	var e extension
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		value := keys[key]
		switch key {
		case "ignore", "zip":
			b, err := strconv.ParseBool(fmt.Sprint(value))
			if err != nil {
				return extension{}, fmt.Errorf("x-bench: %s is %v, want true or false", key, value)
			}
			if key == "zip" {
				e.zip = b
			} else {
				e.ignore = b
			}
		case "memory":
			n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
			if err != nil || n != math.Trunc(n) || n < minMemoryMB || n > maxMemoryMB {
				return extension{}, fmt.Errorf("x-bench: memory is %v, want whole MB from %d to %d", value, minMemoryMB, maxMemoryMB)
			}
			e.memoryMB = int(n)
		case "doc":
			s, ok := value.(string)
			if !ok {
				return extension{}, fmt.Errorf("x-bench: doc is %v, want a sentence", value)
			}
			e.doc = s
		default:
			return extension{}, fmt.Errorf("x-bench: unknown key %q, want ignore, zip, memory or doc", key)
		}
	}
	return e, nil
}
