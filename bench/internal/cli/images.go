package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/runfile"
)

func (a *app) imagesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "List, build, import and push the images of the variants",
		Long: `The images of a project are kept in .build/images beside its compose file, an
OCI layout. bench builds them itself, reproducibly, so that the sandbox, the
Docker engine and a registry hold the same image.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var file, arch string
	var noCache bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the images of the store",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listImages(cmd.Context(), file)
		},
	}
	build := &cobra.Command{
		Use:   "build [VARIANT]...",
		Short: "Build the images of variants and print their IDs",
		Long: `Build the images of variants, of all in the compose file by default, and print a
line for each: name, ID and size. An image of the store with the same content is used
again, even if files were touched since, as Docker's build cache does.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.interrupts.Guard()
			return a.buildImages(cmd.Context(), file, image.Options{Arch: arch, NoCache: noCache}, args)
		},
	}
	build.Flags().BoolVar(&noCache, "no-cache", false, "build anew even if the store has an image with the same content and other times")
	build.Flags().StringVar(&arch, "arch", "", "architecture, amd64 or arm64 (default this machine's)")
	var from image.ImportOptions
	imports := &cobra.Command{
		Use:   "import FILE|FOLDER|-",
		Short: "Put an image that docker save wrote into the store",
		Long: `Put an image into the store, for FROM and NAME=IMAGE to find. FILE is what docker
save or podman save writes, of any generation, compressed or not, or an OCI layout
as an archive; FOLDER is an OCI layout; - reads an archive from stdin.

The image keeps the names that the file gives it, unless --as gives it another.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importImage(cmd.Context(), file, args[0], from)
		},
	}
	imports.Flags().StringVar(&from.Ref, "as", "", "reference that FROM and NAME=IMAGE will find it by (default those of the file)")
	imports.Flags().StringVar(&from.Image, "image", "", "which of several images: its name, or the start of its ID")
	imports.Flags().StringVar(&from.Arch, "arch", "", "which of several architectures, amd64 or arm64 (default this machine's)")
	for _, c := range []*cobra.Command{list, build, imports} {
		c.Flags().StringVar(&file, "file", "", "compose file whose store is meant (default that of this folder)")
	}
	cmd.AddCommand(list, build, imports, a.pushCommand())
	return cmd
}

func (a *app) listImages(ctx context.Context, file string) error {
	store, err := a.openStore(file, "results", false)
	if err != nil {
		return err
	}
	list, err := store.List(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tARCH\tIMAGE ID\tSIZE\tLAYERS\tBASE")
	for _, i := range list {
		base := i.Base
		if i.StandIn {
			base += " (stand-in base)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f MB\t%d\t%s\n", i.Name, i.Arch, image.Short(i.ID), float64(i.SizeBytes)/1e6, i.Layers, base)
	}
	return w.Flush()
}

func (a *app) buildImages(ctx context.Context, file string, o image.Options, args []string) error {
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	archs, err := architectures([]string{o.Arch})
	if err != nil {
		return err
	}
	byArch, err := a.selectVariants(ctx, file, archs, args)
	if err != nil {
		return err
	}
	variants := byArch[archs[0]]
	for _, v := range variants {
		a.warnings(v.Warnings)
	}
	store, err := a.openStore(file, "results", false)
	if err != nil {
		return err
	}
	engine, closeEngine := imageEngine(nil)
	defer closeEngine()
	o.Arch, o.Engine, o.Environ, o.Log = archs[0], engine, a.Environ, a.logLine
	var failed error
	for _, v := range variants {
		img, err := store.ImageOf(ctx, v, o)
		if err != nil {
			a.complain(fmt.Errorf("%s: %w", v.Name, err))
			failed = errors.New("not every image could be built")
			continue
		}
		if _, err := fmt.Fprintf(a.Stdout, "%s\t%s\t%.1f MB\n", v.Name, img.ID, float64(img.SizeBytes)/1e6); err != nil {
			return err
		}
	}
	return failed
}

func (a *app) importImage(ctx context.Context, file, path string, o image.ImportOptions) error {
	if o.Arch != "" {
		archs, err := architectures([]string{o.Arch})
		if err != nil {
			return err
		}
		o.Arch = archs[0]
	}
	if path != "-" {
		if _, err := os.Stat(absolute(a.Dir, path)); err != nil {
			return fmt.Errorf("importing an image: %w", err)
		}
	}
	store, err := a.openStore(file, "results", false)
	if err != nil {
		return err
	}
	var img coldstart.Image
	var refs []string
	if path == "-" {
		img, refs, err = store.ImportStream(ctx, a.Stdin, o)
	} else {
		img, refs, err = store.Import(ctx, absolute(a.Dir, path), o)
	}
	if err != nil {
		return fmt.Errorf("importing %s: %w", path, err)
	}
	for _, ref := range refs {
		if _, err := fmt.Fprintf(a.Stdout, "%s\t%s\n", ref, img.ID); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) logLine(line string) { a.note("%s", line) }

// openStore opens the image store of the project whose compose file is file, and
// shows its work: with lines never as a bar. It keeps the images of the newest
// local runs of out, the results folder of this command, and of the usual one, so
// that --against can measure them again.
func (a *app) openStore(file, out string, lines bool) (*image.Store, error) {
	store, err := image.OpenStore(a.storeDir(file))
	if err != nil {
		return nil, err
	}
	store.OnProgress(a.progress(lines).Images())
	for _, dir := range addOnce([]string{out}, "results") {
		// A folder that can't be read is for those to complain of who need it.
		entries, _, _ := runfile.Folder(a.results(dir).Runs())
		store.Keep(runfile.NewestImages(entries, 20)...)
	}
	return store, nil
}

func (a *app) storeDir(file string) string {
	dir := a.Dir
	if file != "" {
		dir = filepath.Dir(absolute(a.Dir, file))
	}
	return filepath.Join(dir, ".build", "images")
}

// imageEngine connects to the engine that is measured on if that is docker, and
// otherwise, once, to whichever answers. close ends that connection.
func imageEngine(measured *Engine) (connect func(context.Context) (image.Engine, error), close func()) {
	if measured != nil {
		if engine, ok := measured.LocalBackend.(*docker.Engine); ok {
			return func(context.Context) (image.Engine, error) { return engine, nil }, func() {}
		}
	}
	var once sync.Once
	var engine *docker.Engine
	var err error
	connect = func(ctx context.Context) (image.Engine, error) {
		once.Do(func() { engine, err = docker.Connect(ctx, docker.Options{}) })
		return engine, err
	}
	return connect, func() {
		if engine != nil {
			_ = engine.Close()
		}
	}
}
