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

// use is what bench makes of a key of a compose file.
type use int

const (
	// undecided is the use of a key that no table has. In a build section it is
	// an error, in a service a warning.
	undecided use = iota
	// honoured keys have the effect that they have in compose.
	honoured
	// harmless keys change neither the image nor what the function sees.
	harmless
	// warned keys change what compose starts, and have no effect here.
	warned
)

// buildKeys holds every key of a build section, by its name in the file.
var buildKeys = map[string]use{
	"additional_contexts": honoured,
	"args":                honoured,
	"context":             honoured,
	"dockerfile":          honoured,
	"dockerfile_inline":   honoured,
	"labels":              honoured,
	"platforms":           honoured,
	"target":              honoured,

	// These only reach RUN, and a Dockerfile with RUN is built by compose.
	"entitlements": harmless,
	"extra_hosts":  harmless,
	"isolation":    harmless,
	"network":      harmless,
	"privileged":   harmless,
	"secrets":      harmless,
	"shm_size":     harmless,
	"ssh":          harmless,
	"ulimits":      harmless,

	// These say where layers come from that would be the same.
	"cache_from":      harmless,
	"cache_to":        harmless,
	"no_cache":        harmless,
	"no_cache_filter": harmless,

	// These stand beside the image, not in it.
	"provenance": harmless,
	"sbom":       harmless,
	"tags":       harmless,

	// A base that the store has is not asked for again.
	"pull": warned,
}

// serviceKeys holds every key of a service.
var serviceKeys = map[string]use{
	"build":       honoured,
	"command":     honoured,
	"entrypoint":  honoured,
	"env_file":    honoured,
	"environment": honoured,
	"extends":     honoured, // by compose-go
	"image":       honoured,
	"platform":    honoured,
	"working_dir": honoured,

	// These say how compose starts, names, connects, watches and stops it.
	"annotations":        harmless,
	"attach":             harmless,
	"container_name":     harmless,
	"depends_on":         harmless,
	"develop":            harmless,
	"expose":             harmless,
	"external_links":     harmless,
	"healthcheck":        harmless,
	"label_file":         harmless,
	"labels":             harmless,
	"links":              harmless,
	"log_driver":         harmless,
	"log_opt":            harmless,
	"logging":            harmless,
	"mac_address":        harmless,
	"net":                harmless,
	"network_mode":       harmless,
	"networks":           harmless,
	"ports":              harmless,
	"profiles":           harmless,
	"pull_policy":        harmless,
	"pull_refresh_after": harmless,
	"restart":            harmless,
	"scale":              harmless,
	"stdin_open":         harmless,
	"stop_grace_period":  harmless,
	"stop_signal":        harmless,
	"tty":                harmless,

	// The root of every function is read-only, and no process is privileged.
	"cap_drop":  harmless,
	"read_only": harmless,

	// What the function would see or be limited by.
	"blkio_config":        warned,
	"cap_add":             warned,
	"cgroup":              warned,
	"cgroup_parent":       warned,
	"configs":             warned,
	"cpu_count":           warned,
	"cpu_percent":         warned,
	"cpu_period":          warned,
	"cpu_quota":           warned,
	"cpu_rt_period":       warned,
	"cpu_rt_runtime":      warned,
	"cpu_shares":          warned,
	"cpus":                warned,
	"cpuset":              warned,
	"credential_spec":     warned,
	"deploy":              warned, // its limits; the rest is harmless
	"device_cgroup_rules": warned,
	"devices":             warned,
	"dns":                 warned,
	"dns_opt":             warned,
	"dns_search":          warned,
	"domainname":          warned,
	"extra_hosts":         warned,
	"gpus":                warned,
	"group_add":           warned,
	"hostname":            warned,
	"init":                warned,
	"ipc":                 warned,
	"isolation":           warned,
	"mem_limit":           warned,
	"mem_reservation":     warned,
	"mem_swappiness":      warned,
	"memswap_limit":       warned,
	"models":              warned,
	"oom_kill_disable":    warned,
	"oom_score_adj":       warned,
	"pid":                 warned,
	"pids_limit":          warned,
	"post_start":          warned,
	"pre_start":           warned,
	"pre_stop":            warned,
	"privileged":          warned,
	"provider":            warned,
	"runtime":             warned,
	"secrets":             warned,
	"security_opt":        warned,
	"shm_size":            warned,
	"storage_opt":         warned,
	"sysctls":             warned,
	"tmpfs":               warned, // but for /tmp
	"ulimits":             warned,
	"umask":               warned,
	"use_api_socket":      warned,
	"user":                warned, // Lambda has one user for all
	"userns_mode":         warned,
	"uts":                 warned,
	"volume_driver":       warned,
	"volumes":             warned, // but for an emulator, and in /tmp
	"volumes_from":        warned,

	// A key of compose-go's own: the Dockerfile of a file of version 1.
	"dockerfile": warned,
}

// keyOf returns the name of a field in the file; empty for a field that is no
// key.
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

// checkKeys refuses a build section with a key that bench does not know, which
// might change the image.
func (r *buildReader) checkKeys(service string, b types.BuildConfig) error {
	for _, key := range setKeys(reflect.ValueOf(b)) {
		switch buildKeys[key] {
		case undecided:
			return advice.Hint(fmt.Errorf("build: %s is not supported", key), "build it with compose, and name the result with image")
		case warned:
			r.warn(service, "build: %s is honoured only for a Dockerfile with RUN, which compose builds", key)
		}
	}
	return nil
}

// warnOf warns of the keys of a service that have no effect here.
func (r *buildReader) warnOf(s types.ServiceConfig) {
	var without []string
	for _, key := range setKeys(reflect.ValueOf(s)) {
		if u := serviceKeys[key]; u != undecided && u != warned {
			continue
		}
		switch key {
		case "deploy":
			if s.Deploy.Resources.Limits == nil {
				continue
			}
			key = "deploy.resources.limits"
		case "tmpfs":
			if !slices.ContainsFunc(s.Tmpfs, func(dir string) bool { return !inTmp(dir) }) {
				continue
			}
		case "volumes":
			where := mounted(s.Volumes)
			if len(where) == 0 {
				continue
			}
			key = "volumes (" + strings.Join(where, ", ") + ")"
		}
		without = append(without, key)
	}
	if len(without) > 0 {
		r.warn(s.Name, "not honoured: %s", strings.Join(without, ", "))
	}
}

// mounted lists where volumes would put files into what is measured: not an
// emulator, which bench replaces with its own, and not into /tmp.
func mounted(volumes []types.ServiceVolumeConfig) []string {
	var where []string
	for _, v := range volumes {
		if _, emulator := emulator.Strip([]string{v.Target}); !emulator && !inTmp(v.Target) {
			where = append(where, v.Target)
		}
	}
	return where
}

// inTmp reports whether a folder is /tmp or in it, which every execution
// environment has to itself. A tmpfs may have options after a colon.
func inTmp(dir string) bool {
	dir, _, _ = strings.Cut(dir, ":")
	dir = path.Clean(dir)
	return dir == "/tmp" || strings.HasPrefix(dir, "/tmp/")
}

// warn collects a warning about a service.
func (r *buildReader) warn(service, format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf("service %s: "+format, append([]any{service}, args...)...))
}
