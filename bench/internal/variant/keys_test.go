package variant

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"coldbench/bench/internal/coldstart"
)

// allKeys lists the keys that a section may have.
func allKeys(section any) []string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(section)) {
		if key := keyOf(f); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// warnedKeys are the keys of a service with a warning. The dockerfile is a key of
// compose-go's own: that of a file of version 1.
var warnedKeys = strings.Fields(`
	blkio_config cap_add cgroup cgroup_parent configs cpu_count cpu_percent cpu_period
	cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec deploy
	device_cgroup_rules devices dns dns_opt dns_search dockerfile domainname extra_hosts
	gpus group_add hostname init ipc isolation mem_limit mem_reservation mem_swappiness
	memswap_limit models oom_kill_disable oom_score_adj pid pids_limit post_start
	pre_start pre_stop privileged provider runtime secrets security_opt shm_size
	storage_opt sysctls tmpfs ulimits umask use_api_socket user userns_mode uts
	volume_driver volumes volumes_from`)

// A key of a later compose-go has to be decided on before it is used.
func TestEveryKeyIsDecided(t *testing.T) {
	for _, c := range []struct {
		name    string
		section any
		decided []string
		least   int
	}{
		{"build", types.BuildConfig{}, append(slices.Clone(buildKeys), pullKey), 25},
		{"service", types.ServiceConfig{}, append(slices.Clone(serviceKeys), warnedKeys...), 95},
	} {
		keys := allKeys(c.section)
		if len(keys) < c.least {
			t.Fatalf("%s: compose-go has only the keys %q", c.name, keys)
		}
		for _, key := range keys {
			if !slices.Contains(c.decided, key) {
				t.Errorf("%s: it is not decided what %s means", c.name, key)
			}
		}
		for _, key := range c.decided {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: compose-go has no key %s", c.name, key)
			}
		}
	}
}

// What a table does not have is found, so that it can't be dropped unseen.
func TestSetKeysFindsTheUnknown(t *testing.T) {
	type section struct {
		types.WorkloadSpec `yaml:",inline"`
		Future             string           `yaml:"future,omitempty"`
		Empty              []string         `yaml:"empty,omitempty"`
		None               map[string]int   `yaml:"none,omitempty"`
		Unset              *bool            `yaml:"unset,omitempty"`
		Extensions         types.Extensions `yaml:"#extensions,inline,omitempty"`
	}
	got := setKeys(reflect.ValueOf(section{
		Future: "x", Empty: []string{}, None: map[string]int{}, Extensions: types.Extensions{"x-y": 1},
		WorkloadSpec: types.WorkloadSpec{Build: &types.BuildConfig{}},
	}))
	if want := []string{"build", "future"}; !reflect.DeepEqual(got, want) {
		t.Errorf("set are %q, want %q", got, want)
	}
}

func TestKeysWithoutEffectAreNamed(t *testing.T) {
	dir := folder(t, map[string]string{"compose.yml": `
services:
  quiet:
    image: x
    ports: ["9000:8080"]
    networks: [n]
    depends_on: [loud]
    restart: always
    healthcheck: {test: [CMD, x]}
    read_only: true
    tmpfs: ["/tmp:size=1m"]
    volumes: ["./rie:/usr/local/bin/aws-lambda-rie:ro", "./out:/tmp/out"]
    deploy: {replicas: 2}
    entrypoint: [/usr/local/bin/aws-lambda-rie, /e]
  loud:
    build: {context: ., pull: true, network: host, cache_from: [x], secrets: [s]}
    user: root
    mem_limit: 1g
    volumes: ["./code:/var/task", "./out:/tmp/out"]
    tmpfs: [/cache]
    deploy: {resources: {limits: {cpus: "2"}}}
  skipped: {image: x, user: root, x-bench: {ignore: true}}
networks: {n: {}}
secrets: {s: {file: s}}
`})
	got := load(t, Options{Dir: dir})
	if got[0].Name != "quiet" || got[0].Warnings != nil {
		t.Errorf("%s: %q", got[0].Name, got[0].Warnings)
	}
	want := []string{
		"service loud: not honoured: deploy.resources.limits, mem_limit, tmpfs, user, volumes (/var/task)",
		"service loud: build: pull is honoured only for a Dockerfile with RUN, which compose builds",
	}
	if !reflect.DeepEqual(got[1].Warnings, want) {
		t.Errorf("warnings %q, want %q", got[1].Warnings, want)
	}
}

func TestAdditionalContexts(t *testing.T) {
	for form, text := range map[string]string{
		"map": `
        folder: ./lib
        base: service:other
        image: docker-image://alpine:3
        git: https://example.com/x.git#main
        ssh: git@example.com:x.git`,
		"list": `
        - folder=./lib
        - base=service:other
        - image=docker-image://alpine:3
        - git=https://example.com/x.git#main
        - ssh=git@example.com:x.git`,
	} {
		t.Run(form, func(t *testing.T) {
			dir := folder(t, map[string]string{"compose.yml": `
services:
  main:
    build:
      context: .
      dockerfile_inline: FROM base
      labels: {l: "1"}
      platforms: [linux/amd64, linux/arm64]
      additional_contexts:` + text + `
  other:
    build: {context: ./other, target: t, args: {A: "1"}}
    x-bench: {ignore: true}
`})
			got := load(t, Options{Dir: dir, Env: []string{"COMPOSE_PROJECT_NAME=InEnv"}})[0].Build
			file := filepath.Join(dir, "compose.yml")
			want := &coldstart.Build{
				Context:     dir,
				Dockerfile:  filepath.Join(dir, "dockerfile_inline"),
				Inline:      "FROM base",
				Labels:      map[string]string{"l": "1"},
				Platforms:   []string{"linux/amd64", "linux/arm64"},
				ComposeFile: file,
				Service:     "main",
				Project:     "inenv",
				Contexts: map[string]coldstart.NamedContext{
					"folder": {Dir: filepath.Join(dir, "lib")},
					"base": {Build: &coldstart.Build{
						Context: filepath.Join(dir, "other"), Dockerfile: filepath.Join(dir, "other", "Dockerfile"),
						Target: "t", Args: map[string]string{"A": "1"}, ComposeFile: file, Service: "other", Project: "inenv",
					}},
					"image": {Image: "alpine:3"},
					"git":   {Other: "https://example.com/x.git#main"},
					"ssh":   {Other: "git@example.com:x.git"},
				},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%+v\nwant\n%+v", got, want)
			}
		})
	}
}

func TestAdditionalContextsThatAreWrong(t *testing.T) {
	for _, c := range []struct{ name, text, err string }{
		{"no service", "a: {build: {context: ., additional_contexts: [x=service:gone]}}", `service "a": additional context x: there is no service "gone"`},
		{"no build", "a: {build: {context: ., additional_contexts: [x=service:b]}}\n  b: {image: x}", `additional context x: service "b" has no build`},
		{"itself", "a: {build: {context: ., additional_contexts: [x=service:a]}}", "the additional contexts go in a circle: a, a"},
		{"a circle", "a: {build: {context: ., additional_contexts: [x=service:b]}}\n  b: {build: {context: ., additional_contexts: [x=service:a]}}", "the additional contexts go in a circle: a, b, a"},
		{"a service that is elsewhere", "a: {build: {context: ., additional_contexts: [x=service:b]}}\n  b: {build: \"https://example.com/x.git\"}", `service "b": build context https://example.com/x.git is not a folder`},
		{"two Dockerfiles", "a: {build: {context: ., dockerfile: D, dockerfile_inline: FROM scratch}}", "dockerfile and dockerfile_inline can't be combined"},
	} {
		dir := folder(t, map[string]string{"compose.yml": "services:\n  " + c.text + "\n"})
		if _, err := Load(context.Background(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
}
