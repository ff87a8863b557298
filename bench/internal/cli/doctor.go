package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/payload"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can measure, and what is in the way",
		Long: `Look at this machine's engines, limits and images, and at what earlier runs
left behind, and say what to type about each finding. Changes nothing. Exits 1
when no local engine can be used.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor(cmd.Context())
		},
	}
}

func (a *app) doctor(ctx context.Context) error {
	a.interrupts.Guard()
	engines := [][]advice.Finding{docker.Check(ctx), sandbox.Check(ctx)}
	isProblem := func(f advice.Finding) bool { return f.Severity == advice.Problem }
	usable := slices.ContainsFunc(engines, func(list []advice.Finding) bool { return !slices.ContainsFunc(list, isProblem) })
	findings := append(payloadFindings(), image.Check(ctx, a.storeDir(""))...)
	findings = slices.Concat(findings, engines[0], engines[1], awslambda.Check(awslambda.JournalDir(a.getenv, a.Dir)))
	for _, f := range findings {
		if _, err := fmt.Fprintf(a.Stdout, "%-8s %s: %s\n", f.Severity, f.Subject, f.Text); err != nil {
			return err
		}
		if f.Hint != "" {
			if _, err := fmt.Fprintf(a.Stdout, "%-8s   %s\n", "", f.Hint); err != nil {
				return err
			}
		}
	}
	if !usable {
		return errors.New("no local engine can be used here")
	}
	return nil
}

func payloadFindings() []advice.Finding {
	const subject = "emulator"
	if _, err := payload.RIE(runtime.GOARCH); err != nil {
		return []advice.Finding{{Severity: advice.Problem, Subject: subject, Text: err.Error(), Hint: "make build"}}
	}
	var archs []string
	for _, arch := range []string{"amd64", "arm64"} {
		if _, err := payload.RIE(arch); err == nil {
			archs = append(archs, arch)
		}
	}
	return []advice.Finding{{Severity: advice.OK, Subject: subject, Text: "built in, for " + strings.Join(archs, " and ")}}
}
