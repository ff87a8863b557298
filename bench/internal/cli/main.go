// Package cli is the command line of bench: one file a command, flags to
// values, errors to exit codes. It is the composition root: the only package
// that names concrete engines, and the only one that touches the standard
// streams, the environment and the working directory.
//
// stdout carries data and nothing else. Messages go to stderr, lower case, prefixed
// with "bench: ". Nothing is created before every flag has been checked.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/host"
	"coldbench/bench/internal/interrupt"
	"coldbench/bench/internal/progress"
)

// Env is the process around a command. Main reads nothing else of it.
type Env struct {
	// Args are the arguments without the program's name.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ holds KEY=VALUE pairs.
	Environ []string
	// Dir is the working directory, an absolute path.
	Dir string
	// Now is the time for names and stamps; measuring uses its own clock.
	Now func() time.Time
	// StderrIsTerminal says whether progress may be drawn.
	StderrIsTerminal bool
	// StdoutIsTerminal says whether data may have colours.
	StdoutIsTerminal bool
	// OpenEngine opens a local engine by name.
	OpenEngine func(ctx context.Context, name string, o EngineOptions) (*Engine, error)
	// RegistryLogin asks for a login to the registry that images are pushed to.
	RegistryLogin func(ctx context.Context, o awslambda.Options) (awslambda.Login, error)
	// HostStat returns what /proc/stat of this machine holds; nil if the
	// machine is not to be watched.
	HostStat func() (string, error)
}

// FromProcess returns the Env of this process.
func FromProcess() Env {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return Env{
		Args:             os.Args[1:],
		Stdin:            os.Stdin,
		Stdout:           os.Stdout,
		Stderr:           os.Stderr,
		Environ:          os.Environ(),
		Dir:              dir,
		Now:              time.Now,
		StderrIsTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		StdoutIsTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		OpenEngine:       OpenEngine,
		RegistryLogin:    awslambda.ECRLogin,
		HostStat:         host.Stat,
	}
}

const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitIncomplete  = 3
	exitInterrupted = 130
)

// errIncomplete ends a run that finished with failed samples, or a comparison whose
// gate tripped; why has been said already.
var errIncomplete = errors.New("samples failed, or over the gate")

// errUnrestored ends a run whose functions could not be put back; why has been
// said already.
var errUnrestored = errors.New("functions were left changed")

var errInterrupted = errors.New("interrupted")

func usagef(format string, args ...any) error { return advice.Usage(fmt.Errorf(format, args...)) }

// Main runs one command and returns the exit code of the process. It catches the
// signals that interrupt until the process ends; see package interrupt.
func Main(ctx context.Context, env Env) int {
	app := &app{Env: env}
	app.interrupts = interrupt.New(ctx, app.say)
	app.interrupts.Catch()
	root := app.root()
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	ctx = app.interrupts.Running
	return app.exit(ctx, root.ExecuteContext(ctx))
}

type app struct {
	Env
	interrupts *interrupt.Handler
	pricing    pricing
	quiet      bool
	talking    sync.Mutex // held while a line is written to Stderr
}

func (a *app) exit(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnrestored):
		return exitFailure
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	case errors.Is(err, errInterrupted), ctx.Err() != nil && errors.Is(err, context.Canceled):
		if !errors.Is(err, errInterrupted) {
			a.say("interrupted")
		}
		return exitInterrupted
	}
	a.complain(err)
	switch {
	case advice.IsUsage(err):
		return exitUsage
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailure
}

// say prints a message about the work to stderr; errors are said whatever
// --quiet asks for.
func (a *app) say(format string, args ...any) {
	text := strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n", "\nbench: ")
	a.talking.Lock()
	defer a.talking.Unlock()
	fmt.Fprintf(a.Stderr, "bench: %s\n", text)
}

func (a *app) complain(err error) {
	a.say("%v", err)
	if hint := advice.HintOf(err); hint != "" {
		a.hint("%s", hint)
	}
}

func (a *app) hint(format string, args ...any)    { a.say("hint: "+format, args...) }
func (a *app) warning(format string, args ...any) { a.say("warning: "+format, args...) }

func (a *app) warnings(list []string) {
	for _, w := range list {
		a.warning("%s", w)
	}
}

func (a *app) note(format string, args ...any) {
	if !a.quiet {
		a.say(format, args...)
	}
}

// progress returns where progress is shown: with lines never as a bar.
func (a *app) progress(lines bool) progress.Display {
	bars := a.StderrIsTerminal && a.getenv("TERM") != "dumb" && !lines
	return progress.Display{Out: a.Stderr, Bars: bars, Say: a.say, Quiet: a.quiet}
}

func (a *app) getenv(key string) string {
	for i := len(a.Environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(a.Environ[i], key+"="); ok {
			return value
		}
	}
	return ""
}
