package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/variant"
)

type pushFlags struct {
	file, region, profile, repository, vars string
	arch                                    []string
	fresh                                   int
}

func (a *app) pushCommand() *cobra.Command {
	var f pushFlags
	cmd := &cobra.Command{
		Use:   "push [VARIANT]...",
		Short: "Push the images of variants to ECR and write what Terraform deploys",
		Long: `Build the images of variants, push them to the account's ECR repository without
a container engine, and write deployment/images.auto.tfvars.json, which pins
each to its digest. Terraform makes a function for each image in that file.

Without arguments all services of the compose file are pushed, and the file
then holds those alone; with arguments the others stay in it as they are. The
images of --fresh stay in it as long as the image is the same.`,
		Example: `  bench images push
  bench images push --arch amd64,arm64
  bench images push --fresh 10 scratch`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("arch") && len(f.arch) == 0 {
				return usagef("--arch: empty")
			}
			a.interrupts.Guard()
			return a.pushImages(cmd.Context(), f, args)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.file, "file", "", "compose file that lists the variants (default docker-compose.yml)")
	s.StringSliceVar(&f.arch, "arch", []string{"amd64"}, "architectures, amd64 or arm64; each has a function of its own")
	s.StringVar(&f.region, "region", "", "region (default that of the environment or the profile)")
	s.StringVar(&f.profile, "profile", "", "profile of ~/.aws/config")
	s.StringVar(&f.repository, "repository", "", "repository in the account's registry (default COMPOSE_PROJECT_NAME)")
	s.IntVar(&f.fresh, "fresh", 0, "further images of each variant with one more layer of random bytes, for bench aws --redeploy, 0 to 1000")
	s.StringVar(&f.vars, "tfvars", "", "file to write (default deployment/images.auto.tfvars.json beside the compose file)")
	return cmd
}

func (a *app) pushImages(ctx context.Context, f pushFlags, args []string) error {
	archs, err := architectures(f.arch)
	if err != nil {
		return err
	}
	if f.fresh < 0 || f.fresh > 1000 {
		return usagef("--fresh %d: 0 to 1000", f.fresh)
	}
	for _, arg := range args {
		if strings.Contains(arg, "=") {
			return usagef("%q: a function is deployed of a service of the compose file", arg)
		}
	}
	byArch, err := a.selectVariants(ctx, f.file, archs, args)
	if err != nil {
		return err
	}
	if f.repository == "" {
		if f.repository, err = variant.Project(a.compose(f.file, "")); err != nil {
			return err
		}
	}
	vars := a.varsFile(f.vars, f.file)
	if info, err := os.Stat(filepath.Dir(vars)); err != nil || !info.IsDir() {
		return advice.Hint(fmt.Errorf("writing %s: its folder does not exist", vars), "--tfvars FILE")
	}
	old, err := awslambda.ReadPushed(vars)
	if err != nil {
		return err
	}
	login, err := a.RegistryLogin(ctx, awslambda.Options{Region: f.region, Profile: f.profile})
	if err != nil {
		return err
	}
	store, err := a.openStore(f.file, "results", false)
	if err != nil {
		return err
	}
	engine, closeEngine := imageEngine(nil)
	defer closeEngine()

	next := awslambda.Pushed{}
	if len(args) > 0 {
		next = old
	}
	to := image.Destination{Repository: login.Registry + "/" + f.repository, User: login.User, Password: login.Password, Fresh: f.fresh}
	pushed, failed := 0, false
	for _, arch := range archs {
		for _, v := range byArch[arch] {
			before, known := old.Images[v.Name][arch]
			img, err := store.ImageOf(ctx, v, image.Options{Arch: arch, Engine: engine, Environ: a.Environ, Log: a.logLine})
			if err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				a.complain(fmt.Errorf("warning: %s for %s: %w", v.Name, arch, err))
				if known {
					a.note("%s for %s stays deployed as it was pushed before", v.Name, arch)
					next.Set(v.Name, arch, before)
				}
				failed = failed || len(args) > 0
				continue
			}
			p, err := store.Push(ctx, img, v.Name+"-"+arch, to)
			if errors.Is(err, image.ErrNoRepository) {
				return advice.Hint(err, "make deploy, or terraform -chdir=deployment apply -target=aws_ecr_repository.images")
			}
			if err != nil {
				return err
			}
			fresh := p.Fresh
			if before.URI == p.URI {
				fresh = slices.Concat(fresh, before.Fresh) // which the repository still has
			}
			next.Set(v.Name, arch, awslambda.PushedImage{
				URI: p.URI, Fresh: fresh,
				Entrypoint: v.Entrypoint, Command: v.Command, WorkingDirectory: v.WorkingDir, Environment: v.Environment,
			})
			pushed++
			if img.StandIn {
				a.warning("%s for %s stands on a stand-in base: its times on AWS are not those of the real one", v.Name, arch)
			}
			for _, uri := range slices.Concat([]string{p.URI}, p.Fresh) {
				if _, err := fmt.Fprintf(a.Stdout, "%s\t%s\t%s\n", v.Name, arch, uri); err != nil {
					return err
				}
			}
		}
	}
	if pushed == 0 {
		return errors.New("no image could be pushed")
	}
	if err := next.Write(vars); err != nil {
		return err
	}
	a.note("wrote %s; terraform -chdir=deployment apply deploys it", vars)
	if failed {
		return errors.New("not every image could be pushed")
	}
	return nil
}
