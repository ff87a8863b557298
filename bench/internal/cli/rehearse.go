package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/rehearsal"
)

func (a *app) rehearseCommand() *cobra.Command {
	m := awsMeasure{rehearse: true}
	cmd := &cobra.Command{
		Use:   "rehearse [VARIANT]...",
		Short: "Serve the variants as functions of an endpoint that stands for AWS",
		Long: `Serve Lambda, CloudWatch Logs and STS on this machine's loopback until Ctrl-C, for
the AWS command line, SDKs and other tools. Every service of the compose file is
a function PROJECT-VARIANT that really runs, in a sandbox. There is no account,
no signature is checked, and nothing is kept afterwards.`,
		Example: `  bench rehearse --listen 127.0.0.1:4566
  aws --endpoint-url http://127.0.0.1:4566 lambda invoke --function-name coldbench-scratch out.json
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 bench aws --runs 5
  bench rehearse --fresh 20 --tfvars pushed.json
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 bench aws --redeploy 3 --tfvars pushed.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.serveRehearsal(cmd.Context(), m, args)
		},
	}
	s := cmd.Flags()
	s.SortFlags = false
	s.StringVar(&m.listen, "listen", "127.0.0.1:4566", "HOST:PORT to serve on, on loopback; port 0 for a free one")
	s.StringVar(&m.file, "file", "", "compose file that lists the variants (default docker-compose.yml)")
	s.StringVar(&m.arch, "arch", runtime.GOARCH, "architecture of the functions; one that this machine runs")
	s.StringVar(&m.region, "region", "us-east-1", "region that the functions are said to be in")
	s.DurationVar(&m.Typed.Timeout.Duration, "timeout", 3*time.Second, "the functions' timeout, 1s to 15m")
	s.DurationVar(&m.keepWarm, "keep-warm", 10*time.Minute, "how long an environment is kept that is not used, 1ms to 24h")
	s.StringVar(&m.latency, "latency", "none", "what is added for the platform: none, or aws, as measured there")
	s.StringVar(&m.faults, "faults", "", "rates of faults, throttle=0.05,error=0.02,reset=0.01,slow=0.1 say")
	s.Uint64Var(&m.Typed.Seed, "seed", 1, "seed of latencies and faults")
	s.IntVar(&m.fresh, "fresh", 0, "`N` further images of each function, for bench aws --redeploy, 0 to 1000")
	s.StringVar(&m.tfvars, "tfvars", "", "`FILE` to list the images in, as bench images push does; it goes with --fresh")
	s.BoolVar(&m.verbose, "verbose", false, "each call on stderr")
	return cmd
}

func (m *awsMeasure) checkRehearse() (err error) {
	m.plan = m.Typed
	timeout := m.Typed.Timeout.Duration
	if m.plan.Arch, err = architectures([]string{m.arch}); err != nil {
		return err
	}
	switch {
	case timeout < time.Second || timeout > 15*time.Minute || timeout%time.Second != 0:
		return usagef("--timeout %s: whole seconds from 1s to 15m", timeout)
	case m.keepWarm < time.Millisecond || m.keepWarm > 24*time.Hour:
		return usagef("--keep-warm %s: 1ms to 24h", m.keepWarm)
	case m.fresh < 0 || m.fresh > 1000:
		return usagef("--fresh %d: 0 to 1000", m.fresh)
	case awssim.CheckListen(m.listen) != nil:
		return usagef("--listen: %v", awssim.CheckListen(m.listen))
	case (m.fresh > 0) != (m.tfvars != ""):
		return usagef("--fresh N and --tfvars FILE go together: who deploys the images has to know them")
	}
	return m.checkEndpoint("")
}

func (m *awsMeasure) checkEndpoint(prefix string) error {
	if m.latency != "none" && m.latency != "aws" {
		return usagef("--%slatency %q: none or aws", prefix, m.latency)
	}
	if _, err := awssim.ParseFaults(m.faults); err != nil {
		return usagef("--%sfaults: %v", prefix, err)
	}
	return nil
}

// serveRehearsal serves until the context ends, which is how it is meant to end.
func (a *app) serveRehearsal(ctx context.Context, m awsMeasure, args []string) (err error) {
	a.interrupts.Guard()
	if err := m.checkRehearse(); err != nil {
		return err
	}
	wanted, err := a.selectFunctions(ctx, m, args)
	if err != nil {
		return err
	}
	r, err := a.rehearse(ctx, m, wanted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for _, w := range wanted {
		if w.Undeployed != nil {
			a.leaveOut(w.Variant, w.Undeployed)
		}
	}
	if m.fresh > 0 {
		if err := awslambda.PushedTo(awssim.Repository(m.region), wanted).Write(absolute(a.Dir, m.tfvars)); err != nil {
			return err
		}
	}
	a.say("a rehearsal, not AWS, at %s until Ctrl-C, with functions %s", r.URL, strings.Join(r.Functions, ", "))
	if _, err := fmt.Fprintf(a.Stdout, "export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_ACCESS_KEY_ID=rehearsal AWS_SECRET_ACCESS_KEY=rehearsal\n", r.URL, m.region); err != nil {
		return err
	}
	<-ctx.Done()
	r.Outlive(a.interrupts.Patient, func() { a.note("serving until the clients have restored their functions") })
	return nil
}

// rehearse builds the images of the services that are wanted and serves them as
// functions. A service whose image is not available is not deployed, and wanted
// says why.
func (a *app) rehearse(ctx context.Context, m awsMeasure, wanted []awslambda.Selection) (*rehearsal.Rehearsal, error) {
	for _, w := range wanted {
		if w.Service == nil {
			return nil, advice.Hint(usagef("--rehearse: %s is no service of the compose file: there is no image to run", w.Variant), "name services, or none for all")
		}
	}
	store, err := a.openStore(m.file, m.out, m.verbose)
	if err != nil {
		return nil, err
	}
	log := a.log(m.verbose)
	engine, closeEngine := imageEngine(nil)
	defer closeEngine()
	dir := filepath.Dir(a.storeDir(m.file))
	registry := rehearsal.NewRegistry(store, filepath.Join(dir, "rehearsal-images"))
	o := rehearsal.Options{Registry: registry, Listen: m.listen, Options: awssim.Options{
		Region: m.region, StateDir: filepath.Join(dir, "rehearsal"),
		Latency: m.latency, Seed: m.plan.Seed, Log: log, KeepWarm: m.keepWarm,
	}}
	if o.Faults, err = awssim.ParseFaults(m.faults); err != nil {
		return nil, err
	}
	if m.plan.Strategy == coldstart.StrategyIdle {
		// Waiting forces nothing at an endpoint that keeps environments longer.
		o.KeepWarm = max(m.plan.Idle.Duration*9/10, time.Millisecond)
	}
	fresh := m.fresh
	if m.plan.Redeploy > 0 {
		// Some more, for first cold starts that may or may not have been made.
		fresh = m.plan.Redeploy + m.plan.Retries
	}
	for i := range wanted {
		w := &wanted[i]
		img, err := store.ImageOf(ctx, *w.Service, image.Options{Arch: w.Arch, Engine: engine, Environ: a.Environ, Log: log})
		if err == nil {
			n := fresh
			if w.Zip {
				n = 0
			}
			begun, _ := m.resumed.DeployedOf(w.Variant, img.Arch)
			img, w.Fresh, err = registry.Unpack(ctx, img, n, begun)
		}
		switch {
		case err == nil:
			w.Rehearsed = img
			o.Functions = append(o.Functions, rehearsal.Function{Name: w.Ref.Name, Image: img, MemoryMB: w.Service.MemoryMB, Timeout: m.plan.Timeout.Duration, Zip: w.Zip})
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case w.Named:
			return nil, fmt.Errorf("%s: %w", w.Variant, err)
		default:
			w.Undeployed = err
		}
	}
	if len(o.Functions) == 0 {
		for _, w := range wanted {
			a.leaveOut(w.Variant, w.Undeployed)
		}
		return nil, errors.New("no variant can be rehearsed here")
	}
	return rehearsal.Start(ctx, o)
}
