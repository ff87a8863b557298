package cli

import (
	"fmt"
	"path/filepath"
	"slices"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/runfile"
)

// varsFile is the file that says what was pushed: what --tfvars names, or the one
// in the folder deployment beside the compose file.
func (a *app) varsFile(name, composeFile string) string {
	if name == "" {
		name = filepath.Join(filepath.Dir(filepath.Dir(a.storeDir(composeFile))), "deployment", "images.auto.tfvars.json")
	}
	return absolute(a.Dir, name)
}

// freshImages returns the digests that may be deployed in the place of each
// function: those of a run that goes on, and then those that bench pushed and
// that no run of this folder has deployed there. Functions that bench did not
// push become errors of the inventory.
func (a *app) freshImages(client *awslambda.Client, inventory *awslambda.Inventory, m awsMeasure, selected []awslambda.Selection) (map[awslambda.Ref][]string, error) {
	if m.plan.Redeploy == 0 {
		return nil, nil
	}
	entries, _, err := runfile.Folder(a.results(m.out).Runs())
	if err != nil {
		return nil, err
	}
	if m.resumed != nil {
		entries = slices.DeleteFunc(entries, func(e runfile.Entry) bool { return e.Header.ID == m.resumed.Header.ID })
	}
	gone, err := runfile.DeployedTo(entries, "aws", client.Region(), fingerprintOf(client))
	if err != nil {
		return nil, fmt.Errorf("looking for images that were deployed before: %w", err)
	}
	vars := a.varsFile(m.awsFlags.vars, m.file)
	pushed := awslambda.Pushed{}
	if !m.awsFlags.rehearse {
		if pushed, err = awslambda.ReadPushed(vars); err != nil {
			return nil, err
		}
	}
	push := func(n int, s awslambda.Selection) string {
		text := fmt.Sprintf("bench images push --fresh %d", n)
		if s.Service != nil {
			text += " " + s.Service.Name
		}
		return text
	}
	images := map[awslambda.Ref][]string{}
	for _, s := range selected {
		facts := inventory.Functions[s.Ref]
		if facts == nil || facts.Zip || facts.Ref.Qualifier != "" {
			continue // refused with better reasons
		}
		if images[s.Ref] != nil {
			return nil, usagef("function %s is named twice: a deployment has one first cold start", s.Ref)
		}
		fresh := s.Fresh
		if !m.awsFlags.rehearse {
			if fresh, err = pushed.Fresh(facts); err != nil {
				inventory.Errors[s.Ref] = advice.Hint(fmt.Errorf("%w (%s)", err, a.relative(vars)),
					push(m.plan.Redeploy, s)+", then make deploy; --tfvars FILE, if it was pushed from elsewhere")
				continue
			}
		}
		begun, deployments := m.begunOf(s.Variant, facts.Arch)
		fresh = slices.DeleteFunc(slices.Clone(fresh), func(digest string) bool {
			return gone[s.Ref.Name][digest] || slices.Contains(begun, digest)
		})
		if need := m.plan.Redeploy - deployments; len(fresh) < need {
			inventory.Errors[s.Ref] = advice.Hint(
				fmt.Errorf("function %s: %s that it never had, %d are needed", s.Ref, plural(len(fresh), "image"), need),
				push(need, s))
			continue
		}
		images[s.Ref] = append(begun, fresh...)
	}
	return images, nil
}

// begunOf returns the images that the run which goes on has started of a variant,
// and of how many deployments.
func (m awsMeasure) begunOf(variant, arch string) (images []string, deployments int) {
	numbers := map[int]bool{}
	if m.resumed == nil {
		return nil, 0
	}
	for _, d := range m.resumed.Deployed {
		if d.Variant == variant && d.Arch == arch {
			images = append(images, d.Image)
			numbers[d.Deployment] = true
		}
	}
	return images, len(numbers)
}
