package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/coldstart"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "bench",
		Short: "Measure how the packaging of a Lambda function changes its cold start",
		Long: `bench answers one question: how does the packaging of a Lambda function change
its cold start, its warm invocations and its bill?

It forces cold and warm invocations of each variant, interleaved at random,
proves the coldness of every sample, and writes tables with honest intervals
to results/. The variants are the services of docker-compose.yml.`,
		Example: `  bench local                          every service of docker-compose.yml
  bench local --runs 20 scratch al2    two of them
  bench local my=registry.example/image:tag
  bench report                         the newest runs again
  bench compare BASE.jsonl NEW.jsonl   what changed, and is it more than noise?
  bench doctor                         what this machine can measure`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hintedUsage(err, cmd)
	})
	root.AddCommand(a.localCommand(), a.awsCommand(), a.reportCommand(), a.compareCommand(), a.imagesCommand(), a.doctorCommand(), a.rehearseCommand(), a.versionCommand())
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments of a command and its subcommands usage errors.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return hintedUsage(err, cmd)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

func hintedUsage(err error, cmd *cobra.Command) error {
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	return coldstart.Hint(&usageError{err: err}, cmd.CommandPath()+" --help")
}
