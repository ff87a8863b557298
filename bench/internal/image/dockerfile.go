package image

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

type dockerfile struct {
	name   string // for positions
	lex    *shell.Lex
	global []instructions.ArgCommand
	stages []instructions.Stage
}

func parseDockerfile(b *coldstart.Build) (*dockerfile, error) {
	data := []byte(b.Inline)
	if b.Inline == "" {
		var err error
		if data, err = os.ReadFile(b.Dockerfile); err != nil {
			return nil, fmt.Errorf("reading Dockerfile: %w", err)
		}
	}
	d := &dockerfile{name: shortName(b)}
	result, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, d.parseError(err)
	}
	d.lex = shell.NewLex(result.EscapeToken)
	if d.stages, d.global, err = instructions.Parse(result.AST, nil); err != nil {
		return nil, d.parseError(err)
	}
	if len(d.stages) == 0 {
		return nil, fmt.Errorf("%s: there is no FROM", d.name)
	}
	return d, nil
}

// parseError puts the position of the parser's error in front.
func (d *dockerfile) parseError(err error) error {
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "dockerfile parse error on line "); ok {
		if line, what, ok := strings.Cut(rest, ": "); ok {
			return fmt.Errorf("%s:%s: %s", d.name, line, what)
		}
	}
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return d.at(at.Locations[0], err)
	}
	return fmt.Errorf("%s: %w", d.name, err)
}

func (d *dockerfile) at(where []parser.Range, err error) error {
	if err == nil || len(where) == 0 {
		return err
	}
	return fmt.Errorf("%s:%d: %w", d.name, where[0].Start.Line, err)
}

// shortName is how positions name a Dockerfile: relative to its context.
func shortName(b *coldstart.Build) string {
	if rel, err := filepath.Rel(b.Context, b.Dockerfile); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return b.Dockerfile
}

// find returns the index of a stage before limit by its name or number; -1 for none.
func (d *dockerfile) find(name string, limit int) int {
	for i, st := range slices.Backward(d.stages[:limit]) {
		if st.Name != "" && strings.EqualFold(st.Name, name) {
			return i
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < limit {
		return i
	}
	return -1
}

// target returns the stage to build; the last one for an empty name.
func (d *dockerfile) target(name string) (int, error) {
	if name == "" {
		return len(d.stages) - 1, nil
	}
	if i := d.find(name, len(d.stages)); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%s: there is no stage %q", d.name, name)
}

// refuse returns the error of an instruction that can't be carried out here.
func (d *dockerfile) refuse(where []parser.Range, what string) error {
	return d.at(where, refusal(what))
}

// refusal is refuse without a position.
func refusal(what string) error {
	return advice.Hint(fmt.Errorf("%s %w", what, ErrNeedsEngine),
		"start a Docker engine, which then builds it, or measure an image that is already built as NAME=IMAGE")
}

// needsEngine names what of an instruction can't be done in process; empty for nothing.
func (b *builder) needsEngine(command instructions.Command, i int) string {
	switch c := command.(type) {
	case *instructions.RunCommand:
		return "RUN"
	case *instructions.HealthCheckCommand:
		// The image library has no field for it.
		if c.Health.StartInterval != 0 {
			return "HEALTHCHECK with --start-interval"
		}
	case *instructions.CopyCommand:
		if c.Parents || len(c.ExcludePatterns) > 0 {
			return "COPY with --parents or --exclude"
		}
		if what := b.engineContext(c.From, i); what != "" {
			return "COPY from " + what
		}
	case *instructions.AddCommand:
		if c.Checksum != "" || c.KeepGitDir != nil || c.Unpack != nil || len(c.ExcludePatterns) > 0 {
			return "ADD with --checksum, --keep-git-dir, --unpack or --exclude"
		}
		if slices.ContainsFunc(c.SourcePaths, isRemote) {
			return "ADD of a URL"
		}
	}
	return ""
}

func parseTrigger(text string) (instructions.Command, error) {
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	if len(result.AST.Children) != 1 {
		return nil, fmt.Errorf("it is not one instruction")
	}
	return instructions.ParseCommand(result.AST.Children[0])
}

// isRemote reports whether ADD would fetch a source.
func isRemote(src string) bool {
	remote := []string{"http://", "https://", "git://", "ssh://", "git@", "github.com/"}
	return slices.ContainsFunc(remote, func(prefix string) bool { return strings.HasPrefix(src, prefix) })
}

// needed lists the stages that a stage is made from, itself last.
func (d *dockerfile) needed(target int, global []string) ([]int, error) {
	seen := map[int]bool{}
	var visit func(i int) error
	visit = func(i int) error {
		if seen[i] {
			return nil
		}
		seen[i] = true
		base, err := d.expand(d.stages[i].BaseName, global)
		if err != nil {
			return d.at(d.stages[i].Location, err)
		}
		names := []string{base}
		for _, command := range d.stages[i].Commands {
			if c, ok := command.(*instructions.CopyCommand); ok {
				names = append(names, c.From)
			}
		}
		for _, name := range names {
			if j := d.find(name, i); j >= 0 {
				if err := visit(j); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := visit(target)
	return slices.Sorted(maps.Keys(seen)), err
}

func (d *dockerfile) expand(word string, env []string) (string, error) {
	out, _, err := d.lex.ProcessWord(word, shell.EnvsFromSlice(env))
	if err != nil {
		return "", fmt.Errorf("expanding %q: %w", word, err)
	}
	return out, nil
}

// platformArgs are the arguments that every build has; a stage has those it declares.
// The build platform is that of this machine's containers.
func platformArgs(arch string) map[string]string {
	return map[string]string{
		"TARGETPLATFORM": "linux/" + arch, "TARGETOS": "linux", "TARGETARCH": arch, "TARGETVARIANT": "",
		"BUILDPLATFORM": "linux/" + runtime.GOARCH, "BUILDOS": "linux", "BUILDARCH": runtime.GOARCH, "BUILDVARIANT": "",
	}
}

// epochArg is the build argument that BuildKit, too, has without an ARG.
const epochArg = "SOURCE_DATE_EPOCH"

// sourceDateEpoch returns the latest time of a file in the image, in seconds
// since 1970; nil if none is set. As in BuildKit it may be an ARG's default, and
// "context" means nothing for a folder.
func sourceDateEpoch(args map[string]string, global []string) (*int64, error) {
	text, ok := args[epochArg]
	if !ok {
		text, _ = lookupEnv(global, epochArg)
	}
	if text == "" || text == "context" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: it is not a number of seconds since 1970", epochArg, text)
	}
	return &n, nil
}

// proxyArgs need no ARG, by Docker's rule, and mean nothing where nothing runs.
var proxyArgs = map[string]bool{
	"HTTP_PROXY": true, "http_proxy": true, "HTTPS_PROXY": true, "https_proxy": true, "FTP_PROXY": true,
	"ftp_proxy": true, "NO_PROXY": true, "no_proxy": true, "ALL_PROXY": true, "all_proxy": true,
}

// globalArgs evaluates the platform's arguments and those before the first FROM.
func (d *dockerfile) globalArgs(args map[string]string, arch string) ([]string, error) {
	var env []string
	platform := platformArgs(arch)
	for _, key := range slices.Sorted(maps.Keys(platform)) {
		env = append(env, key+"="+platform[key])
	}
	for _, command := range d.global {
		for _, arg := range command.Args {
			value, ok := args[arg.Key]
			if !ok && arg.Value == nil {
				continue
			}
			if !ok {
				var err error
				if value, err = d.expand(*arg.Value, env); err != nil {
					return nil, d.at(command.Location(), err)
				}
			}
			env = setEnv(env, arg.Key, value)
		}
	}
	return env, nil
}

// unused lists the build arguments that no ARG declares, sorted.
func (d *dockerfile) unused(args map[string]string) []string {
	declared := map[string]bool{epochArg: true}
	declare := func(c *instructions.ArgCommand) {
		for _, arg := range c.Args {
			declared[arg.Key] = true
		}
	}
	for _, command := range d.global {
		declare(&command)
	}
	for _, stage := range d.stages {
		for _, command := range stage.Commands {
			if c, ok := command.(*instructions.ArgCommand); ok {
				declare(c)
			}
		}
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if !declared[key] && !proxyArgs[key] {
			list = append(list, key)
		}
	}
	return list
}

// setEnv sets a variable in a list of KEY=VALUE pairs, in its old place.
func setEnv(env []string, key, value string) []string {
	for i, pair := range env {
		if k, _, _ := strings.Cut(pair, "="); k == key {
			env[i] = key + "=" + value
			return env
		}
	}
	return append(env, key+"="+value)
}

func lookupEnv(env []string, key string) (string, bool) {
	for _, pair := range env {
		if k, v, _ := strings.Cut(pair, "="); k == key {
			return v, true
		}
	}
	return "", false
}
