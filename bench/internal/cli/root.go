package cli

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coldbench/bench/internal/advice"
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
		SuggestionsMinimumDistance: 2,

		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		Version:       version(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetVersionTemplate("bench {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hintedUsage(plainFlagError(err), cmd)
	})
	root.AddCommand(a.localCommand(), a.awsCommand(), a.reportCommand(), a.compareCommand(), a.imagesCommand(), a.doctorCommand(), a.rehearseCommand(), a.versionCommand())
	// Now, and not when cobra would: they get their arguments checked like the rest.
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	wrapArgs(root)
	return root
}

// helpCommand is bench help. Cobra's own shows the help of bench for what is no
// command of it.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return hintedUsage(fmt.Errorf("no command %q", strings.Join(args, " ")), cmd.Root())
			}
			return about.Help()
		},
	}
}

// wrapArgs makes wrong arguments of a command and its subcommands usage errors. A
// command that only groups others needs one of them.
func wrapArgs(c *cobra.Command) {
	if c.HasParent() && c.HasSubCommands() && !c.Runnable() {
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case !cmd.HasSubCommands():
				err = fmt.Errorf("usage: %s", cmd.UseLine())
			default:
				if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
					return advice.Hint(advice.Usage(err), cmd.CommandPath()+" "+like[0])
				}
			}
			return hintedUsage(err, cmd)
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// plainFlagError replaces the text of Go's number parser with what a flag takes.
func plainFlagError(err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	flag := bad.GetFlag()
	want := map[string]string{
		"int":      "a whole number",
		"uint64":   "a whole number from 0 up",
		"float64":  "a number",
		"duration": "a duration, e.g. 40ms or 3s",
		"bool":     "true or false",
	}[flag.Value.Type()]
	want = cmp.Or(want, flag.Value.Type())
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("--%s %q: out of range", flag.Name, bad.GetValue())
	}
	return fmt.Errorf("--%s %q: must be %s", flag.Name, bad.GetValue(), want)
}

func hintedUsage(err error, cmd *cobra.Command) error {
	if advice.IsUsage(err) {
		return err
	}
	return advice.Hint(advice.Usage(err), cmd.CommandPath()+" --help")
}

// release is the version of bench, set by the linker for a release build.
var release = ""

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of bench",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.Stdout, "bench %s %s/%s %s\n", version(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		},
	}
}
