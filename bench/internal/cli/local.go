package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// localFlags are the flags of bench local, as typed.
type localFlags struct {
	measureFlags
	engine, network string
	against         string
	control         bool
	controlName     string // of the baseline once more
}

func (a *app) localCommand() *cobra.Command {
	var f localFlags
	cmd := &cobra.Command{
		Use:   "local [VARIANT | NAME=IMAGE]...",
		Short: "Measure variants on this machine",
		Long: `Force cold and warm invocations of each variant on this machine, and write
results/runs/TIME-local-ENGINE.jsonl and results/local.md.

Without arguments every service of the compose file is measured; with arguments
exactly those. NAME=IMAGE measures an image that is in no compose file.

--against RUN measures the images of an earlier run once more, in the same rounds
as today's, and sets each variant against its own image of then: no drift of the
host lies between them. RUN is a run file, its ID, a folder or a git revision.
Images are found by their ID, in .build/images, which keeps those of the newest
20 runs, and in the Docker engine, or else by their content in .build/images. A
missing image is a row with the reason; an unchanged one is measured once;
file times and labels are no change. Engine, architectures, memory sizes, CPU limit,
pause, timeout and network are those of RUN unless given; entrypoint, command and
environment are today's for both images: a run file holds only a digest of them,
and another one prints a warning.
bench compare with the new run alone shows the outcome and is the gate.

--engine auto takes docker if a daemon answers and its storage driver is the
kernel's (overlay2, overlayfs, btrfs, zfs), else the sandbox if one is available.
Drivers like fuse-overlayfs open the image's files anew in every container, which
init then waits for. Results name the engine, its storage driver and the reason.`,
		Example: `  bench local
  bench local --runs 20 --memory 128,512,1769 scratch
  bench local --engine sandbox --cold
  bench local --file other/docker-compose.yml
  bench local my=example.com/image:tag
  bench local --against results/runs/20261124T134709Z-local-docker.jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.local(cmd.Context(), f, args)
		},
	}
	f.register(cmd)
	f.registerLimits(cmd)
	cmd.Flags().StringVar(&f.engine, "engine", "auto", "auto, docker or sandbox")
	cmd.Flags().StringVar(&f.against, "against", "", "measure the images of this earlier run, too, and set today's against them")
	cmd.Flags().BoolVar(&f.control, "control", false, "measure the baseline once more under another name: how much do equals differ?")
	cmd.Flags().StringVar(&f.network, "network", "bridge", "the function's network with the docker engine, bridge or none")
	return cmd
}

func (a *app) local(ctx context.Context, f localFlags, args []string) error {
	m, err := f.check(a.Dir)
	if err != nil {
		return err
	}
	switch {
	case f.engine != "auto" && f.engine != "docker" && f.engine != "sandbox":
		return usagef("--engine %q: must be auto, docker or sandbox", f.engine)
	case f.network != "bridge" && f.network != "none":
		return usagef("--network %q: must be bridge or none", f.network)
	case f.against != "" && m.resume != "":
		return usagef("--against and --resume can't be combined: a resumed run keeps its own")
	}
	a.quiet = f.quiet
	switch {
	case m.resume != "":
		err = a.resume(ctx, &m, &f, &args)
	case f.against != "":
		err = a.against(ctx, &m, &f)
	}
	if err != nil {
		return err
	}
	wanted, err := a.expand(ctx, m, args)
	if err != nil {
		return err
	}
	if f.control {
		if wanted, f.controlName, err = withControl(wanted, m.baseline, func(w *want) *string { return &w.config.Variant }); err != nil {
			return err
		}
	}
	wanted, found := withBefore(wanted, m.before)
	if f.against != "" && !found {
		return usagef("--against: run %s has none of the variants that are measured", m.before.run)
	}
	out := absolute(a.Dir, m.out)
	if m.dryRun {
		return a.printPlan(m, f, wanted, out)
	}
	return a.measureLocally(ctx, m, f, wanted, out)
}

// want is a configuration that is to be measured, with the variant it is of.
type want struct {
	config  coldstart.Config
	variant chosen
	// before is the image of another run that is meant; nil for the variant's
	// present one.
	before *runfile.Image
}

// expand multiplies the variants that are asked for by memory sizes and
// architectures.
func (a *app) expand(ctx context.Context, m measure, args []string) ([]want, error) {
	byArch := map[string][]chosen{}
	for _, arch := range m.archs {
		list, err := a.chooseVariants(ctx, m.file, arch, args)
		if err != nil {
			return nil, err
		}
		byArch[arch] = list
	}
	a.warnOfKeys(byArch[m.archs[0]])
	var wanted []want
	for i, v := range byArch[m.archs[0]] {
		sizes := m.memoryMB
		if len(sizes) == 0 {
			sizes = m.before.sizes(v.Name)
		}
		if len(sizes) == 0 {
			size := v.MemoryMB
			if size == 0 {
				size = 512
			}
			if err := checkMemory(size); err != nil {
				return nil, fmt.Errorf("service %s: x-bench: %w", v.Name, err)
			}
			sizes = []int{size}
		}
		for _, size := range sizes {
			for _, arch := range m.archs {
				wanted = append(wanted, want{
					config:  coldstart.Config{Variant: v.Name, MemoryMB: size, Arch: arch},
					variant: byArch[arch][i],
				})
			}
		}
	}
	if m.baseline == "" {
		return wanted, nil
	}
	for _, w := range wanted {
		if w.config.Variant == m.baseline {
			return wanted, nil
		}
	}
	return nil, usagef("--baseline %q is not among the variants that are measured", m.baseline)
}

func (a *app) measureLocally(ctx context.Context, m measure, f localFlags, wanted []want, out string) (err error) {
	a.interrupts.guard()
	store, err := a.openStore(m.file, m.out, m.verbal)
	if err != nil {
		return err
	}
	log := func(line string) {
		if m.verbal {
			a.say("%s", line)
		}
	}
	connecting := store.Meter("opening the engine", 0)
	engine, err := a.chooseEngine(ctx, f.engine, EngineOptions{
		Network:  f.network,
		StateDir: filepath.Join(filepath.Dir(a.storeDir(m.file)), "sandbox"),
		Store:    store,
		Closing:  a.interrupts.restoring,
		Log:      log,
	})
	connecting.End()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	for _, w := range engine.Warnings() {
		a.warning("%s", w)
	}

	o := coldstart.Options{
		Payload:     m.event,
		Timeout:     m.timeout,
		Environment: m.vars,
		LimitCPU:    m.cpu == "lambda",
		CPUPeriod:   m.cpuPeriod,
	}
	if m.verbal {
		o.Log = log
	}
	configs, unavailable, err := a.openAll(ctx, opening{engine: engine, store: store, options: o, log: log, run: m.before.run}, wanted)
	defer func() {
		for _, c := range configs {
			err = errors.Join(err, c.target.Close())
		}
	}()
	if err != nil {
		return err
	}
	header := a.header(m, f, engine, o, configs, unavailable)
	if m.before.run != "" {
		a.sayBefore(m.before.run, configs, header.Configs)
	}
	return a.run(ctx, m, job{header: header, configs: configs}, out)
}

// header describes the run before it begins.
func (a *app) header(m measure, f localFlags, engine *Engine, o coldstart.Options, configs []opened, unavailable []runfile.Unavailable) runfile.Header {
	h := runfile.Header{
		Tool:    "bench " + version(),
		Backend: "local",
		Engine:  engine.Name,
		Host:    describeHost(engine),
		Choice:  engine.Choice,
		Plan: plan.Plan{
			Runs:          m.runs,
			WarmRuns:      m.warmRuns,
			Seed:          m.seed,
			CPU:           m.cpu,
			Pause:         plan.Millis{Duration: m.pause},
			PayloadSha256: digest(m.event),
			Timeout:       plan.Seconds{Duration: m.timeout},
			Strategy:      engine.Strategy(),
			Baseline:      m.baseline,
			Retries:       m.retries,
			Control:       f.controlName,
			Against:       m.before.run,
		},
		Limits:      engine.Limits(o),
		Warnings:    engine.Warnings(),
		Unavailable: unavailable,
	}
	if f := engine.Facts(); f != (coldstart.EngineFacts{}) {
		h.Facts = &f
	}
	if m.cpu == "lambda" {
		h.Plan.CPUPeriod.Duration = m.cpuPeriod
	}
	if engine.Containers {
		h.Plan.Network = f.network
	}
	if m.cold {
		h.Plan.Only = "cold"
	} else if m.warm {
		h.Plan.Only = "warm"
	}
	for i, c := range configs {
		h.Plan.MemoryMB = addOnce(h.Plan.MemoryMB, c.config.MemoryMB)
		h.Plan.Arch = addOnce(h.Plan.Arch, c.config.Arch)
		for _, w := range c.variant.Warnings {
			h.Warnings = addOnce(slices.Clip(h.Warnings), w)
		}
		h.Configs = append(h.Configs, runfile.Config{
			Variant:      c.config.Variant,
			MemorySizeMB: c.config.MemoryMB,
			Arch:         c.config.Arch,
			Doc:          c.variant.Doc,
			SetupID:      coldstart.SetupID(c.image, o.Environment),
			Unchanged:    c.unchanged, ImageIDBefore: c.idBefore,
			Image: runfile.Image{
				ImageID: c.image.ID, ContentID: c.image.ContentID, Digest: c.image.Digest, SizeBytes: c.image.SizeBytes, CompressedBytes: c.image.CompressedBytes,
				// The store knows the content of what it holds.
				EngineOnly: c.image.Ref != "" && c.image.ContentID == "",
				Layers:     c.image.Layers, Base: c.image.Base, StandIn: c.image.StandIn,
			},
		})
		if c.before != nil {
			h.Configs[i].Before = c.variant.Name
		}
		was, _ := m.before.of(c.variant.Name, c.config.Arch)
		h.Configs[i].SetupChanged = c.unchanged && h.Configs[i].Change(was) == runfile.ChangeSetup
	}
	return h
}

func addOnce[T comparable](list []T, v T) []T {
	for _, have := range list {
		if have == v {
			return list
		}
	}
	return append(list, v)
}

// digest returns the SHA-256 of an event, in hexadecimal.
func digest(event []byte) string { return fmt.Sprintf("%x", sha256.Sum256(event)) }
