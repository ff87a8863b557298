package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/backend/sandbox"
)

// rehearseFlags are the flags of bench rehearse, as typed.
type rehearseFlags struct {
	listen, file, arch, region string
	latency, faults, vars      string
	fresh                      int
	seed                       uint64
	timeout, keepWarm          time.Duration
	verbal                     bool
}

func (a *app) rehearseCommand() *cobra.Command {
	var f rehearseFlags
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
			return a.serveRehearsal(cmd.Context(), f, args)
		},
	}
	s := cmd.Flags()
	s.SortFlags = false
	s.StringVar(&f.listen, "listen", "127.0.0.1:4566", "HOST:PORT to serve on, on loopback; port 0 for a free one")
	s.StringVar(&f.file, "file", "", "compose file that lists the variants (default docker-compose.yml)")
	s.StringVar(&f.arch, "arch", runtime.GOARCH, "architecture of the functions; one that this machine runs")
	s.StringVar(&f.region, "region", "us-east-1", "region that the functions are said to be in")
	s.DurationVar(&f.timeout, "timeout", 3*time.Second, "the functions' timeout, 1s to 15m")
	s.DurationVar(&f.keepWarm, "keep-warm", 10*time.Minute, "how long an environment is kept that is not used, 1ms to 24h")
	s.StringVar(&f.latency, "latency", "none", "what is added for the platform: none, or aws, as measured there")
	s.StringVar(&f.faults, "faults", "", "rates of faults, throttle=0.05,error=0.02,reset=0.01,slow=0.1 say")
	s.Uint64Var(&f.seed, "seed", 1, "seed of latencies and faults")
	s.IntVar(&f.fresh, "fresh", 0, "`N` further images of each function, for bench aws --redeploy, 0 to 1000")
	s.StringVar(&f.vars, "tfvars", "", "`FILE` to list the images in, as bench images push does; it goes with --fresh")
	s.BoolVar(&f.verbal, "verbose", false, "each call on stderr")
	return cmd
}

// check turns the flags into what a rehearsal is made from.
func (f rehearseFlags) check() (awsMeasure, error) {
	archs, err := architectures([]string{f.arch})
	switch {
	case err != nil:
		return awsMeasure{}, err
	case f.timeout < time.Second || f.timeout > 15*time.Minute || f.timeout%time.Second != 0:
		return awsMeasure{}, usagef("--timeout %s: whole seconds from 1s to 15m", f.timeout)
	case f.keepWarm < time.Millisecond || f.keepWarm > 24*time.Hour:
		return awsMeasure{}, usagef("--keep-warm %s: 1ms to 24h", f.keepWarm)
	case f.latency != "none" && f.latency != "aws":
		return awsMeasure{}, usagef("--latency %q: none or aws", f.latency)
	case badFaults(f.faults) != nil:
		return awsMeasure{}, usagef("--faults: %v", badFaults(f.faults))
	case f.fresh < 0 || f.fresh > 1000:
		return awsMeasure{}, usagef("--fresh %d: 0 to 1000", f.fresh)
	case awssim.CheckListen(f.listen) != nil:
		return awsMeasure{}, usagef("--listen: %v", awssim.CheckListen(f.listen))
	case (f.fresh > 0) != (f.vars != ""):
		return awsMeasure{}, usagef("--fresh N and --tfvars FILE go together: who deploys the images has to know them")
	}
	base := measureFlags{file: f.file, seed: f.seed, timeout: f.timeout, verbal: f.verbal, given: func(string) bool { return false }}
	return awsMeasure{
		measure:  measure{measureFlags: base, archs: archs},
		awsFlags: awsFlags{measureFlags: base, region: f.region, latency: f.latency, faults: f.faults, rehearse: true, fresh: f.fresh, listen: f.listen, keepWarm: f.keepWarm},
	}, nil
}

// badFaults says what is wrong with rates of faults.
func badFaults(text string) error {
	_, err := awssim.ParseFaults(text)
	return err
}

// serveRehearsal serves until the context ends, which is how it is meant to end.
func (a *app) serveRehearsal(ctx context.Context, f rehearseFlags, args []string) (err error) {
	a.interrupts.guard()
	m, err := f.check()
	if err != nil {
		return err
	}
	wanted, err := a.awsWanted(ctx, &m, args)
	if err != nil {
		return err
	}
	for i := range wanted {
		wanted[i].named = len(args) > 0
	}
	r, err := a.rehearse(ctx, m, wanted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for _, w := range wanted {
		if w.undeployed != nil {
			a.leaveOut(w.variant, w.undeployed)
		}
	}
	if f.fresh > 0 {
		pushed := deployment{Images: map[string]map[string]deployedImage{}}
		for _, w := range wanted {
			if w.fresh == nil {
				continue
			}
			repository := awssim.Repository(f.region) + "@"
			img := deployedImage{URI: repository + cmp.Or(w.rehearsed.Digest, w.rehearsed.ID)}
			for _, digest := range w.fresh {
				img.Fresh = append(img.Fresh, repository+digest)
			}
			pushed.set(w.variant, w.arch, img)
		}
		if err := pushed.write(absolute(a.Dir, f.vars)); err != nil {
			return err
		}
	}
	a.say("a rehearsal, not AWS, at %s until Ctrl-C, with functions %s", r.URL, strings.Join(r.Functions, ", "))
	if _, err := fmt.Fprintf(a.Stdout, "export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_ACCESS_KEY_ID=rehearsal AWS_SECRET_ACCESS_KEY=rehearsal\n", r.URL, f.region); err != nil {
		return err
	}
	<-ctx.Done()
	a.outlive(r)
	return nil
}

// outlive goes on serving until the clients of a rehearsal have restored what they
// changed: an interrupt of a process group reaches them at the same time. The
// second interrupt ends that.
func (a *app) outlive(r *Rehearsal) {
	if r.InUse() {
		a.note("serving until the clients have restored their functions")
	}
	for r.InUse() && a.interrupts.patient.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}

// Rehearse serves functions on loopback that run in sandboxes of this machine.
func Rehearse(ctx context.Context, o RehearsalOptions) (*Rehearsal, error) {
	faults, err := awssim.ParseFaults(o.Faults)
	if err != nil {
		return nil, &usageError{err: err}
	}
	engine, err := sandbox.New(ctx, sandbox.Options{StateDir: o.StateDir, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("making a rehearsal: %w", err)
	}
	r := &Rehearsal{}
	server, err := awssim.New(awssim.Options{
		Engine: engine, Images: o.Images, Region: o.Region, Latency: o.Latency, Faults: faults, Seed: o.Seed, Log: o.Log, StateDir: o.StateDir, LimitCPU: true,
		KeepWarm: o.KeepWarm,
	})
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	r.InUse = server.InUse
	ended := func() error { return errors.Join(server.Close(), engine.Close()) }
	for _, f := range o.Functions {
		kind := "Image"
		if f.Zip {
			kind = "Zip"
		}
		// Lambda counts in seconds.
		timeout := (f.Timeout + time.Second - 1).Truncate(time.Second)
		if err := server.Deploy(f.Name, f.Image, awssim.Function{MemoryMB: f.MemoryMB, Timeout: timeout, PackageType: kind}); err != nil {
			return nil, errors.Join(err, ended())
		}
		r.Functions = append(r.Functions, f.Name)
	}
	listener, err := awssim.Listen(cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, errors.Join(err, ended())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	r.URL = "http://" + listener.Addr().String()
	r.Close = sync.OnceValue(func() error {
		err := ended()
		if n := server.Stats(); o.Log != nil {
			o.Log(fmt.Sprintf("rehearsal: %d invocations came, %d were served, %d refused; %d environments were made", n.Invocations, n.Served, n.Refused, n.Cold))
		}
		return errors.Join(err, <-served)
	})
	return r, nil
}
