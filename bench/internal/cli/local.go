package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

type localMeasure struct {
	measure
	engine, against string
}

func (a *app) localCommand() *cobra.Command {
	var m localMeasure
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
			return a.local(cmd.Context(), m, args)
		},
	}
	m.register(cmd)
	return cmd
}

func (m *localMeasure) register(cmd *cobra.Command) {
	m.measure.register(cmd)
	s, p := cmd.Flags(), &m.Typed
	s.DurationVar(&p.Timeout.Duration, "timeout", 3*time.Second, "the function's timeout, 1s to 15m")
	s.StringVar(&p.CPU, "cpu", "lambda", "lambda: CPU by memory size as Lambda limits it; none: no limit")
	s.DurationVar(&p.CPUPeriod.Duration, "cpu-period", 20*time.Millisecond, "period of the CPU quota, 1ms to 1s")
	s.StringVar(&m.engine, "engine", "auto", "auto, docker or sandbox")
	s.StringVar(&m.against, "against", "", "measure the images of this earlier run, too, and set today's against them")
	s.BoolVar(&m.Control, "control", false, "measure the baseline once more under another name: how much do equals differ?")
	s.StringVar(&p.Network, "network", "bridge", "the function's network with the docker engine, bridge or none")
}

func (a *app) local(ctx context.Context, m localMeasure, args []string) error {
	err := m.check(a.Dir, "local")
	switch {
	case err != nil:
		return err
	case m.engine != "auto" && m.engine != "docker" && m.engine != "sandbox":
		return usagef("--engine %q: must be auto, docker or sandbox", m.engine)
	case m.against != "" && m.Resume:
		return usagef("--against and --resume can't be combined: a resumed run keeps its own")
	}
	a.quiet = m.quiet
	var from *runfile.Header
	switch {
	case m.Resume:
		if err = a.resumeRun(ctx, &m.measure, "local", &args); err == nil {
			from, m.reference = &m.resumed.Header, m.resumed.Header.MeasuredAgainst()
		}
	case m.against != "":
		from, err = a.takeReference(ctx, &m)
	}
	if err != nil {
		return err
	}
	if from != nil && !m.Given("engine") {
		m.engine = from.Engine
	}
	if len(m.plan.Arch) == 0 {
		m.plan.Arch = []string{runtime.GOARCH}
	}
	selected, err := a.expand(ctx, m.measure, args)
	if err != nil {
		return err
	}
	if m.Control || m.plan.Control != "" {
		if selected, m.plan.Control, err = plan.WithControl(selected, m.plan.Baseline, func(s *Selection) *string { return &s.config.Variant }); err != nil {
			return advice.Usage(err)
		}
	}
	selected, found := addReference(m.reference, selected)
	if m.against != "" && !found {
		return usagef("--against: run %s has none of the variants that are measured", m.reference.Run)
	}
	if m.dryRun {
		return a.printPlan(m.measure, m.engine, selected)
	}
	return a.measureLocally(ctx, m.measure, m.engine, selected)
}

// Selection is a configuration that is to be measured, and the variant it is of.
type Selection struct {
	config  coldstart.Config
	variant coldstart.Variant
	// named is true if it was asked for by name: then it is an error if it is not
	// available, and otherwise a row that says why.
	named bool
	// reference is its image in the run of --against, if that is meant; nil for the
	// variant's present one.
	reference *image.Earlier
}

func (s Selection) present() coldstart.Config {
	return coldstart.Config{Variant: s.variant.Name, MemoryMB: s.config.MemoryMB, Arch: s.config.Arch}
}

func (a *app) expand(ctx context.Context, m measure, args []string) ([]Selection, error) {
	byArch, err := a.selectVariants(ctx, m.file, m.plan.Arch, args)
	if err != nil {
		return nil, err
	}
	variants := byArch[m.plan.Arch[0]]
	for _, v := range variants {
		a.warnings(v.Warnings)
	}
	var selected []Selection
	for i, v := range variants {
		sizes, err := m.sizesOf(v)
		if err != nil {
			return nil, err
		}
		for _, size := range sizes {
			for _, arch := range m.plan.Arch {
				selected = append(selected, Selection{coldstart.Config{Variant: v.Name, MemoryMB: size, Arch: arch}, byArch[arch][i], len(args) > 0, nil})
			}
		}
	}
	return selected, m.checkBaseline(slices.ContainsFunc(variants, func(v coldstart.Variant) bool { return v.Name == m.plan.Baseline }))
}

// sizesOf returns the memory sizes of a variant: those of --memory, else those it
// had in the reference run, else its own.
func (m measure) sizesOf(v coldstart.Variant) ([]int, error) {
	if len(m.plan.MemoryMB) > 0 {
		return m.plan.MemoryMB, nil
	}
	if sizes := m.reference.Sizes(v.Name); len(sizes) > 0 {
		return sizes, nil
	}
	size := cmp.Or(v.MemoryMB, 512)
	if err := plan.CheckMemory(size); err != nil {
		return nil, fmt.Errorf("service %s: x-bench: %w", v.Name, advice.Usage(err))
	}
	return []int{size}, nil
}

func (a *app) measureLocally(ctx context.Context, m measure, name string, selected []Selection) (err error) {
	a.interrupts.Guard()
	store, err := a.openStore(m.file, m.out, m.verbose)
	if err != nil {
		return err
	}
	connecting := store.Meter("opening the engine", 0)
	engine, err := a.chooseEngine(ctx, name, EngineOptions{
		Network:  m.plan.Network,
		StateDir: filepath.Join(filepath.Dir(a.storeDir(m.file)), "sandbox"),
		Store:    store,
		Closing:  a.interrupts.Restoring,
		Log:      a.log(m.verbose),
	})
	connecting.End()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	known := engine.Warnings()
	a.warnings(known)
	o := coldstart.Options{
		Payload:     m.event,
		Timeout:     m.plan.Timeout.Duration,
		Environment: m.vars,
		LimitCPU:    m.plan.CPU == "lambda",
		CPUPeriod:   m.plan.CPUPeriod.Duration,
		Log:         a.log(m.verbose),
	}
	configs, unavailable, err := a.openAll(ctx, engine, store, o, selected)
	defer func() {
		for _, c := range configs {
			err = errors.Join(err, c.target.Close())
		}
	}()
	if err != nil {
		return err
	}
	a.warnings(slices.DeleteFunc(slices.Clone(engine.Warnings()), func(w string) bool { return slices.Contains(known, w) }))
	header := localHeader(m, engine, o, configs, unavailable)
	if m.reference.Run != "" {
		a.sayReference(header)
	}
	return a.run(ctx, m, job{header: header, configs: configs})
}

func localHeader(m measure, engine *Engine, o coldstart.Options, configs []OpenTarget, unavailable []runfile.Unavailable) runfile.Header {
	h := runfile.Header{
		Tool:        "bench " + version(),
		Backend:     "local",
		Engine:      engine.Name,
		Host:        describeHost(engine),
		Choice:      engine.Choice,
		Plan:        m.plan,
		Limits:      engine.Limits(o),
		Warnings:    engine.Warnings(),
		Unavailable: unavailable,
	}
	h.Plan.Strategy, h.Plan.Against = engine.Strategy(), m.reference.Run
	if !engine.Containers {
		h.Plan.Network = ""
	}
	if f := engine.Facts(); f != (coldstart.EngineFacts{}) {
		h.Facts = &f
	}
	for _, c := range configs {
		for _, w := range c.variant.Warnings {
			h.Warnings = addOnce(slices.Clip(h.Warnings), w)
		}
		r := runfile.Config{
			Config:    c.config,
			Doc:       c.variant.Doc,
			SetupID:   coldstart.SetupID(c.image, o.Environment),
			Unchanged: c.unchanged, ImageIDBefore: c.idBefore,
			Image: runfile.ImageOf(c.image),
		}
		if c.reference != nil {
			r.Before = c.variant.Name
		}
		was, _ := m.reference.Of(c.variant.Name, c.config.Arch)
		r.SetupChanged = c.unchanged && r.Change(was) == runfile.ChangeSetup
		h.Configs = append(h.Configs, r)
	}
	h.ListMeasured()
	return h
}

func addOnce[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// printPlan prints what a run would do and how long it would take, at the pace
// of the newest run of this folder.
func (a *app) printPlan(m measure, engine string, selected []Selection) error {
	x, err := a.results(m.out).Experience(func(h runfile.Header) bool {
		return h.Place() == "local" && (engine == "auto" || h.Engine == engine)
	})
	if err != nil {
		return err
	}
	text := m.plan.Workload(len(selected), "")
	var configs, present, again []coldstart.Config
	for _, s := range selected {
		configs = append(configs, s.config)
		switch {
		case s.reference != nil:
			again = append(again, s.present())
		case s.config.Variant != m.plan.Control: // what the control would show is said of its baseline
			present = append(present, s.present())
		}
	}
	text += plan.Listing(configs, func(i int) string { return selected[i].origin() })
	text += fmt.Sprintf("engine: %s\n", engine)
	if m.reference.Run != "" {
		text += fmt.Sprintf("@before is the image in run %s, which is measured where it is another one\n", m.reference.Run)
	}
	text += "images never started here before are started once more, as class first-after-deploy\n"
	if x.Run == "" {
		text += "expected time: unknown (no earlier run)\n"
	} else {
		invocations := m.plan.Runs * (1 + m.plan.WarmRuns) * len(selected)
		text += fmt.Sprintf("expected time: about %s, at the pace of %s\n", x.Pace(invocations).Round(time.Second), x.Run)
	}
	text += "expected cost: none\n" + m.plan.Power(x, append(m.plan.Contrasts(present), plan.WithItself(again, "what it was before")...))
	_, err = fmt.Fprint(a.Stdout, text)
	return err
}

func (s Selection) origin() string {
	v := s.variant
	if s.reference != nil {
		return image.Short(s.reference.ID)
	}
	if v.Build != nil {
		return filepath.Base(v.Build.Dockerfile)
	}
	return v.Image
}
