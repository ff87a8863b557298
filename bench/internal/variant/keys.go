package variant

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/emulator"
)

// buildKeys are the keys of a build section that a file may have. bench honours
// those of the first lines. The others only reach RUN, which compose carries out;
// say where the same layers come from; or stand beside the image, not in it.
var buildKeys = strings.Fields(`
	additional_contexts args context dockerfile dockerfile_inline labels platforms
	target
	entitlements extra_hosts isolation network privileged secrets shm_size ssh ulimits
	cache_from cache_to no_cache no_cache_filter
	provenance sbom tags`)

// pullKey is one more, with a warning: a base that the store has is not asked for
// again.
const pullKey = "pull"

// serviceKeys are the keys of a service that need no warning. bench honours those of
// the first line (extends through compose-go). The others say how compose starts,
// names, connects, watches and stops a service, or what holds for every function: its
// root is read-only, and no process is privileged. Every other key changes what the
// function would see or be limited by.
var serviceKeys = strings.Fields(`
	build command entrypoint env_file environment extends image platform working_dir
	annotations attach container_name depends_on develop expose external_links
	healthcheck label_file labels links log_driver log_opt logging mac_address net
	network_mode networks ports profiles pull_policy pull_refresh_after restart scale
	stdin_open stop_grace_period stop_signal tty
	cap_drop read_only`)

// keyOf returns the name of a field in the file; empty if it is no key.
func keyOf(f reflect.StructField) string {
	name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if f.Anonymous || name == "-" || name == "name" || strings.Contains(options, "inline") {
		return ""
	}
	return name
}

// setKeys lists the keys that a section of a compose file sets, sorted.
func setKeys(section reflect.Value) []string {
	var keys []string
	for _, f := range reflect.VisibleFields(section.Type()) {
		v := section.FieldByIndex(f.Index)
		isEmpty := v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
		if key := keyOf(f); key != "" && !isEmpty {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// checkKeys refuses a build section with an unknown key, which might change the image.
func (r *buildReader) checkKeys(service string, b types.BuildConfig) error {
	for _, key := range setKeys(reflect.ValueOf(b)) {
		if key == pullKey {
			r.warn(service, "build: %s is honoured only for a Dockerfile with RUN, which compose builds", key)
		} else if !slices.Contains(buildKeys, key) {
			return advice.Hint(fmt.Errorf("build: %s is not supported", key), "build it with compose, and name the result with image")
		}
	}
	return nil
}

// warnOf warns of the keys of a service that have no effect here.
func (r *buildReader) warnOf(s types.ServiceConfig) {
	var without []string
	for _, key := range setKeys(reflect.ValueOf(s)) {
		quiet := slices.Contains(serviceKeys, key)
		switch key {
		case "deploy":
			quiet, key = s.Deploy.Resources.Limits == nil, "deploy.resources.limits"
		case "tmpfs":
			quiet = !slices.ContainsFunc(s.Tmpfs, func(dir string) bool { return !inTmp(dir) })
		case "volumes":
			where := mounted(s.Volumes)
			quiet, key = len(where) == 0, "volumes ("+strings.Join(where, ", ")+")"
		}
		if !quiet {
			without = append(without, key)
		}
	}
	if len(without) > 0 {
		r.warn(s.Name, "not honoured: %s", strings.Join(without, ", "))
	}
}

// mounted lists where volumes would put files into what is measured: not over an emulator,
// and not into /tmp.
func mounted(volumes []types.ServiceVolumeConfig) []string {
	var where []string
	for _, v := range volumes {
		if _, emulator := emulator.Strip([]string{v.Target}); !emulator && !inTmp(v.Target) {
			where = append(where, v.Target)
		}
	}
	return where
}

// inTmp reports whether a folder is in /tmp, which every environment has to itself. A tmpfs
// may have options after a colon.
func inTmp(dir string) bool {
	dir, _, _ = strings.Cut(dir, ":")
	dir = path.Clean(dir)
	return dir == "/tmp" || strings.HasPrefix(dir, "/tmp/")
}

func (r *buildReader) warn(service, format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf("service %s: "+format, append([]any{service}, args...)...))
}
