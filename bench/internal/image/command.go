package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-connections/nat"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	mode "github.com/tonistiigi/dchapes-mode"
)

// command carries out one instruction of stage number i.
func (b *builder) command(ctx context.Context, st *stage, i int, command instructions.Command) error {
	// The parsed command is shared by every build of the file that is still to
	// come in this one, and expansion writes to it: it is used once only.
	if c, ok := command.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(func(word string) (string, error) { return b.file.expand(word, st.env()) }); err != nil {
			return err
		}
	}
	if c, ok := command.(instructions.SupportsSingleWordExpansionRaw); ok {
		err := c.ExpandRaw(func(word string) (string, error) {
			lex := shell.NewLex('\\')
			lex.SkipProcessQuotes, lex.RawQuotes = true, true
			out, _, err := lex.ProcessWord(word, shell.EnvsFromSlice(st.env()))
			return out, err
		})
		if err != nil {
			return err
		}
	}
	line := fmt.Sprint(command)
	config := &st.config.Config
	switch c := command.(type) {
	case *instructions.ArgCommand:
		b.arg(st, c)
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			config.Env = setEnv(config.Env, kv.Key, kv.Value)
		}
	case *instructions.LabelCommand:
		for _, kv := range c.Labels {
			enter(&config.Labels, kv.Key, kv.Value)
		}
	case *instructions.WorkdirCommand:
		return b.workdir(ctx, st, c.Path, line)
	case *instructions.UserCommand:
		config.User = c.User
	case *instructions.CmdCommand:
		config.Cmd, st.cmdSet = withShell(config, c.ShellDependantCmdLine), true
	case *instructions.EntrypointCommand:
		config.Entrypoint = withShell(config, c.ShellDependantCmdLine)
		// The base's CMD was meant for the base's ENTRYPOINT.
		if !st.cmdSet {
			config.Cmd = nil
		}
	case *instructions.ShellCommand:
		config.Shell = c.Shell
	case *instructions.StopSignalCommand:
		config.StopSignal = c.Signal
	case *instructions.MaintainerCommand:
		st.config.Author = c.Maintainer
	case *instructions.VolumeCommand:
		for _, v := range c.Volumes {
			enter(&config.Volumes, v, struct{}{})
		}
	case *instructions.ExposeCommand:
		if err := b.expose(st, c.Ports); err != nil {
			return err
		}
	case *instructions.CopyCommand:
		from := source(b.context)
		if c.From != "" {
			src, err := b.sourceOf(ctx, c.From, i)
			if err != nil {
				return fmt.Errorf("COPY --from=%s: %w", c.From, err)
			}
			from = src
		}
		return b.copy(ctx, st, copying{name: "COPY", from: from, patterns: c.SourcePaths, contents: c.SourceContents, dest: c.DestPath, keepOwner: c.From != "" && c.Chown == ""}, c.Chown, c.Chmod, line)
	case *instructions.AddCommand:
		return b.copy(ctx, st, copying{name: "ADD", from: b.context, patterns: c.SourcePaths, contents: c.SourceContents, dest: c.DestPath, unpack: b.unpackArchive}, c.Chown, c.Chmod, line)
	case *instructions.HealthCheckCommand:
		h := c.Health
		config.Healthcheck = &v1.HealthConfig{Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries}
	case *instructions.OnbuildCommand:
		config.OnBuild = append(config.OnBuild, c.Expression)
	default:
		return fmt.Errorf("%s %w", strings.ToUpper(command.Name()), ErrNeedsEngine)
	}
	st.note(line)
	return nil
}

// env returns the variables of the stage's instructions: ENV wins over ARG.
func (s *stage) env() []string {
	return slices.Concat(s.args, s.config.Config.Env)
}

// arg declares arguments of a stage. A value from outside wins, then the
// default, then what stood before the first FROM or belongs to the platform.
func (b *builder) arg(st *stage, c *instructions.ArgCommand) {
	for _, arg := range c.Args {
		value, ok := b.build.Args[arg.Key]
		if !ok && arg.Value != nil {
			value, ok = *arg.Value, true
		}
		if !ok {
			value, ok = lookupEnv(b.global, arg.Key)
		}
		if ok {
			st.args = setEnv(st.args, arg.Key, value)
		}
	}
}

// withShell returns the words to execute: the shell form is the shell's.
func withShell(config *v1.Config, line instructions.ShellDependantCmdLine) []string {
	if !line.PrependShell {
		return line.CmdLine
	}
	sh := config.Shell
	if len(sh) == 0 {
		sh = []string{"/bin/sh", "-c"}
	}
	return append(slices.Clone(sh), strings.Join(line.CmdLine, " "))
}

// workdir sets the working directory and makes it where it does not exist.
func (b *builder) workdir(ctx context.Context, st *stage, dir, line string) error {
	if !path.IsAbs(dir) {
		dir = path.Join(st.workdir(), dir)
	}
	dir = path.Clean(dir)
	st.config.Config.WorkingDir = dir
	name, err := st.tree.resolve(dir)
	if err != nil {
		return err
	}
	items, made, err := st.tree.above(name)
	if err != nil {
		return err
	}
	if made == 0 {
		items = nil
	}
	return b.add(ctx, st, items, line)
}

// expose enters ports: "80", "53/udp", "8000-8003/tcp".
func (b *builder) expose(st *stage, ports []string) error {
	for _, word := range ports {
		words, err := b.file.lex.ProcessWords(word, shell.EnvsFromSlice(st.env()))
		if err != nil {
			return err
		}
		exposed, _, err := nat.ParsePortSpecs(words)
		if err != nil {
			return fmt.Errorf("EXPOSE %s: it is not a port: %w", strings.Join(words, " "), err)
		}
		for port := range exposed {
			enter(&st.config.Config.ExposedPorts, string(port), struct{}{})
		}
	}
	return nil
}

// sourceOf returns what COPY --from names: an earlier stage, a context or an image.
func (b *builder) sourceOf(ctx context.Context, name string, i int) (source, error) {
	src := &stageSource{store: b.store, temp: b.temp}
	var st *stage
	var err error
	if j := b.file.find(name, i); j >= 0 {
		// A trigger of a base may name a stage that nothing else needs.
		if b.stages[j] == nil {
			b.stages[j], err = b.stage(ctx, j)
		}
		st = b.stages[j]
	} else if c, ok := b.named(name); !ok {
		st, err = b.fromImage(ctx, name, b.arch)
	} else if c.Dir != "" {
		return b.folder(name, c.Dir)
	} else {
		st, err = b.fromContext(ctx, name, c, b.arch)
	}
	if err != nil {
		return nil, err
	}
	src.tree, src.layers = st.tree, st.layers
	return src, nil
}

func (b *builder) copy(ctx context.Context, st *stage, c copying, chown, chmod, line string) error {
	var err error
	if c.uid, c.gid, err = owner(chown, st.tree.accounts); err != nil {
		return fmt.Errorf("%s --chown=%s: %w", c.name, chown, err)
	}
	if c.chmod, err = parseChmod(chmod); err != nil {
		return fmt.Errorf("%s --chmod=%s: %w", c.name, chmod, err)
	}
	c.workdir = st.workdir()
	items, err := c.items(ctx, st.tree)
	if err != nil {
		return err
	}
	return b.add(ctx, st, items, line)
}

// parseChmod reads --chmod: an octal number of at most four digits, or the symbols of
// chmod(1) without a umask, as in BuildKit; nil for no value. A number also sets the
// permission bits of folders that are made on the way, symbols do not.
func parseChmod(text string) (func(entry) int64, error) {
	if text == "" {
		return nil, nil
	}
	if n, err := strconv.ParseUint(text, 8, 12); err == nil {
		return func(e entry) int64 {
			if e.made && e.Type == tar.TypeDir {
				return int64(n) & 0o777
			}
			return int64(n)
		}, nil
	}
	set, err := mode.ParseWithUmask(text, 0)
	if err != nil || text[0] >= '0' && text[0] <= '9' {
		return nil, errors.New("it is neither an octal number of at most four digits nor symbols such as u=rwX,go=rX")
	}
	return func(e entry) int64 {
		if e.made && e.Type == tar.TypeDir {
			return e.Mode
		}
		return modeBits(set.Apply(fileMode(e)))
	}, nil
}

// fileMode returns an entry's mode as the standard library has it.
func fileMode(e entry) fs.FileMode {
	return (&tar.Header{Typeflag: e.Type, Mode: e.Mode}).FileInfo().Mode()
}
