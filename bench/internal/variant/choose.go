package variant

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// Select returns the variants that the arguments of a command ask for, see Choose:
// services of the compose file and NAME=IMAGE.
func Select(ctx context.Context, o Options, args []string) ([]coldstart.Variant, error) {
	for _, arg := range args {
		if strings.Contains(arg, "=") {
			if _, err := Parse(arg); err != nil {
				return nil, advice.Usage(err)
			}
		}
	}
	services, err := Services(ctx, o, args)
	if err != nil {
		return nil, err
	}
	var names []string
	byName := map[string][]coldstart.Variant{}
	for _, v := range services {
		names = append(names, v.Name)
		byName[v.Name] = []coldstart.Variant{v}
	}
	return Choose(args, names, byName, Parse)
}

// Services loads the services of the compose file if an argument may name one, or
// there is none. Else it returns none and reads no file.
func Services(ctx context.Context, o Options, args []string) ([]coldstart.Variant, error) {
	isName := func(arg string) bool { return !strings.Contains(arg, "=") }
	if len(args) > 0 && !slices.ContainsFunc(args, isName) {
		return nil, nil
	}
	return Load(ctx, o)
}

// Choose returns what arguments ask for, each a name of the list or NAME=VALUE,
// which parse reads. Without arguments that is what all of the names stand for. The
// error is one of usage.
func Choose[T any](args, names []string, byName map[string][]T, parse func(arg string) (T, error)) ([]T, error) {
	if len(args) == 0 {
		args = names
	}
	var list []T
	seen := map[string]bool{}
	for _, arg := range args {
		name, _, hasValue := strings.Cut(arg, "=")
		found := byName[name]
		if hasValue {
			one, err := parse(arg)
			if err != nil {
				return nil, advice.Usage(err)
			}
			found = []T{one}
		}
		switch {
		case found == nil:
			return nil, advice.Usage(fmt.Errorf("no variant %q; the compose file has %s", arg, strings.Join(names, ", ")))
		case seen[name]:
			return nil, advice.Usage(fmt.Errorf("variant %q is named twice", name))
		}
		seen[name] = true
		list = append(list, found...)
	}
	return list, nil
}
