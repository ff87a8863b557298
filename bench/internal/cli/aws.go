package cli

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
)

// awsMeasure is what the flags of bench aws and bench rehearse ask for.
type awsMeasure struct {
	measure
	region, profile, expect string
	maxCost                 float64
	rehearse, restore       bool
	latency, faults         string
	tfvars                  string
	// The rest is only for bench rehearse.
	listen   string
	arch     string
	keepWarm time.Duration
	fresh    int
	// anyArch is true if the functions' own architectures are meant.
	anyArch bool
}

func (a *app) awsCommand() *cobra.Command {
	var m awsMeasure
	cmd := &cobra.Command{
		Use:   "aws [VARIANT | NAME=FUNCTION[:QUALIFIER]]...",
		Short: "Measure functions that are deployed on AWS",
		Long: `Force cold and warm invocations of deployed Lambda functions, and write
results/runs/TIME-aws-REGION.jsonl and results/aws.md.

Without arguments the function PROJECT-VARIANT of every service of the compose
file is measured; PROJECT is COMPOSE_PROJECT_NAME. NAME=FUNCTION measures any
other function, zip or image.

A cold start is forced by --strategy: config-update changes one environment
variable of the function (` + awslambda.TokenKey + `) before each; burst changes it once and sends
many invocations that overlap; version publishes a version for each and deletes
it; idle changes nothing and waits. What was changed is restored at the end, on
an error and on Ctrl-C; after a crash by the next bench aws or by --restore.

code-update, which --redeploy K asks for, measures what a deployment costs: K
times an image is deployed that the function never had, of the same content but
for 1 KiB, from what bench images push --fresh pushed. The first cold start of
each is of class first-after-deploy, beside the --runs, which are spread over the
deployments; the report shows the cold starts by their place after it.

An endpoint that is not AWS's own (AWS_ENDPOINT_URL, endpoint_url of a profile)
is measured as a rehearsal and never shown as AWS.`,
		Example: `  bench aws --cold --runs 50
  bench aws --dry-run
  bench aws --runs 50 --memory 128,512,1769
  bench aws zip=my-fn image=my-fn-image
  bench aws live=my-fn:live --strategy burst
  bench aws --cold --redeploy 10 --runs 50 scratch al2023
  bench aws --restore`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.aws(cmd.Context(), m, args)
		},
	}
	m.register(cmd)
	return cmd
}

func (m *awsMeasure) register(cmd *cobra.Command) {
	m.measure.register(cmd)
	s, p := cmd.Flags(), &m.Typed
	p.Retries = 5 // refusals are tried again too
	s.Lookup("retries").DefValue = "5"
	s.Lookup("arch").Usage = "architecture, amd64 or arm64 (default the function's own)"
	s.Lookup("memory").Usage = "memory sizes in MB, 128 to 10240, set one after the other (default the function's own)"
	s.StringVar(&p.Strategy, "strategy", coldstart.Strategies()[0], "how cold starts are forced: "+strings.Join(coldstart.Strategies(), ", "))
	s.IntVar(&p.Parallel, "parallel", 4, "functions that are worked on at one time")
	s.IntVar(&p.Burst, "burst", 50, "invocations that overlap with --strategy burst, within the account's concurrency")
	s.DurationVar(&p.Idle.Duration, "idle", 15*time.Minute, "how long a function is left alone with --strategy idle")
	s.IntVar(&p.Redeploy, "redeploy", 0, "deploy `K` images to each function, one after the other, the --runs spread over them (strategy code-update)")
	s.StringVar(&m.tfvars, "tfvars", "", "`FILE` of bench images push, which lists them (default deployment/images.auto.tfvars.json beside the compose file)")
	s.BoolVar(&m.Control, "control", false, "sample the baseline's own function once more each round, under another name: how much do samples of one function differ?")
	s.StringVar(&m.expect, "expect", "", "text that every answer has to contain")
	s.Float64Var(&m.maxCost, "max-cost", 1, "stop before anything is done if it is expected to cost more, in USD")
	s.StringVar(&m.region, "region", "", "region (default that of the environment or the profile)")
	s.StringVar(&m.profile, "profile", "", "profile of ~/.aws/config")
	s.BoolVar(&m.rehearse, "rehearse", false, "measure an endpoint on this machine that stands for AWS: free, no account")
	s.StringVar(&m.latency, "rehearse-latency", "none", "what a rehearsal adds for the platform: none, or aws, as measured there")
	s.StringVar(&m.faults, "rehearse-faults", "", "rates of faults of a rehearsal, throttle=0.05,error=0.02,reset=0.01,slow=0.1 say")
	s.BoolVar(&m.restore, "restore", false, "restore what a killed bench left changed, and do nothing else")
}

func (m *awsMeasure) checkAWS(dir string) error {
	m.anyArch = !m.Given("arch")
	err := m.check(dir, "aws")
	switch {
	case err != nil:
		return err
	case !(m.maxCost >= 0):
		return usagef("--max-cost %g: a number from 0 up", m.maxCost)
	case !m.rehearse && m.resume == "" && (m.Given("rehearse-latency") || m.Given("rehearse-faults")):
		return usagef("--rehearse-latency and --rehearse-faults are of --rehearse")
	case m.rehearse && m.restore:
		return usagef("--rehearse and --restore can't be combined: a rehearsal leaves nothing behind")
	case m.restore && m.resume != "":
		return usagef("--restore and --resume can't be combined; --resume restores first")
	}
	return m.checkEndpoint("rehearse-")
}

func (a *app) aws(ctx context.Context, m awsMeasure, args []string) (err error) {
	if err := m.checkAWS(a.Dir); err != nil {
		return err
	}
	a.interrupts.Guard()
	a.quiet = m.quiet
	if m.restore && len(args) > 0 {
		return usagef("--restore takes no functions: it puts back all that bench left changed")
	}
	if m.Resume {
		if err := a.resumeRun(ctx, &m.measure, "aws", &args); err != nil {
			return err
		}
		h := m.resumed.Header
		if !m.Given("rehearse") {
			m.rehearse = h.Rehearsed()
		}
		if !m.Given("region") {
			m.region = h.Engine
		}
	}
	switch {
	case len(m.plan.Arch) > 0:
	case m.rehearse:
		m.plan.Arch = []string{runtime.GOARCH}
	default:
		m.plan.Arch = []string{"amd64"}
	}
	var selected []awslambda.Selection
	if !m.restore {
		if selected, err = a.selectFunctions(ctx, m, args); err != nil {
			return err
		}
	}
	o := awslambda.Options{
		Region: m.region, Profile: m.profile, JournalDir: awslambda.JournalDir(a.getenv, a.Dir),
		Patient: a.interrupts.Patient, Restoring: a.interrupts.Restoring,
		Log: a.log(m.verbose),
	}
	if m.rehearse {
		r, rerr := a.rehearse(ctx, m, selected)
		if rerr != nil {
			return rerr
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		o.Rehearsal, o.Profile = r.URL, ""
	}
	client, err := awslambda.Connect(ctx, o)
	if err != nil {
		return err
	}
	a.interrupts.Track(client)
	if r := client.Rehearsal(); r != "" {
		a.note("%s: nothing of this is shown as AWS", r)
	}
	if m.restore {
		return a.restoreAWS(client, true)
	}
	return a.measureAWS(ctx, client, m, selected)
}

// restoreAWS restores what killed benches left changed. asked is true if nothing
// else is to be done.
func (a *app) restoreAWS(client *awslambda.Client, asked bool) error {
	done, err := client.Restore()
	for _, name := range done.Functions {
		a.say("function %s is restored", name)
	}
	for _, where := range done.Elsewhere {
		region, _, _ := strings.Cut(where, " ")
		a.warning("functions in %s were left changed too", where)
		a.hint("bench aws --restore --region %s", region)
	}
	if err == nil && asked && len(done.Functions) == 0 {
		a.note("nothing was left changed in %s", client.Region())
	}
	return err
}
