package cli

import (
	"fmt"
	"path/filepath"
	"slices"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/runfile"
)

// redeploying checks what --redeploy asks for: it is a strategy, whose first cold
// starts are one for each image.
func (m *awsMeasure) redeploying() error {
	f := &m.awsFlags
	code := string(awslambda.CodeUpdate)
	switch {
	case f.redeploy < 0 || f.redeploy > 1000:
		return usagef("--redeploy %d: 0 to 1000", f.redeploy)
	case f.redeploy > 0 && m.given("strategy") && f.strategy != code:
		return usagef("--redeploy is strategy %s, not %s", code, f.strategy)
	case f.redeploy == 0 && f.strategy == code:
		return usagef("--strategy %s deploys images: --redeploy K says how many", code)
	case f.redeploy == 0 && m.given("tfvars"):
		return usagef("--tfvars is of --redeploy")
	case f.redeploy == 0:
		return nil
	case f.redeploy > m.runs:
		return usagef("--redeploy %d: at most --runs, %d, which are spread over the deployments", f.redeploy, m.runs)
	case m.precision != "":
		return usagef("--redeploy and --precision exclude one another: the cold starts after each deployment are counted beforehand")
	case f.control:
		return usagef("--redeploy and --control exclude one another: a deployment has one first cold start")
	case m.warm:
		return usagef("--redeploy and --warm exclude one another: it is the cold starts that a deployment changes")
	case len(m.memoryMB) > 1:
		return usagef("--redeploy takes one memory size: a deployment has one first cold start")
	}
	f.strategy = code
	return nil
}

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
func (a *app) freshImages(client *awslambda.Client, inventory *awslambda.Inventory, m awsMeasure, wanted []awsWant) (map[awslambda.Ref][]string, error) {
	if m.awsFlags.redeploy == 0 {
		return nil, nil
	}
	entries, _, err := runfile.Folder(filepath.Join(absolute(a.Dir, m.out), "runs"))
	if err != nil {
		return nil, err
	}
	if m.resumed != nil {
		entries = slices.DeleteFunc(entries, func(e runfile.Entry) bool { return e.Header.ID == m.resumed.ID })
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
	push := func(n int, w awsWant) string {
		text := fmt.Sprintf("bench images push --fresh %d", n)
		if w.service != nil {
			text += " " + w.service.Name
		}
		return text
	}
	images := map[awslambda.Ref][]string{}
	for _, w := range wanted {
		facts := inventory.Functions[w.ref]
		if facts == nil || facts.Zip || facts.Ref.Qualifier != "" {
			continue // refused with better reasons
		}
		if images[w.ref] != nil {
			return nil, usagef("function %s is named twice: a deployment has one first cold start", w.ref)
		}
		fresh := w.fresh
		if !m.awsFlags.rehearse {
			if fresh, err = pushed.Fresh(facts); err != nil {
				inventory.Errors[w.ref] = advice.Hint(fmt.Errorf("%w (%s)", err, a.relative(vars)),
					push(m.awsFlags.redeploy, w)+", then make deploy; --tfvars FILE, if it was pushed from elsewhere")
				continue
			}
		}
		begun, deployments := begunOf(m.begun, w.variant, facts.Arch)
		fresh = slices.DeleteFunc(slices.Clone(fresh), func(digest string) bool {
			return gone[w.ref.Name][digest] || slices.Contains(begun, digest)
		})
		if need := m.awsFlags.redeploy - deployments; len(fresh) < need {
			inventory.Errors[w.ref] = advice.Hint(
				fmt.Errorf("function %s: %s that it never had, %d are needed", w.ref, plural(len(fresh), "image"), need),
				push(need, w))
			continue
		}
		images[w.ref] = append(begun, fresh...)
	}
	return images, nil
}

// begunOf returns the images that the run which goes on has started of a variant,
// and of how many deployments.
func begunOf(begun []runfile.Deployed, variant, arch string) (images []string, deployments int) {
	numbers := map[int]bool{}
	for _, d := range begun {
		if d.Variant == variant && d.Arch == arch {
			images = append(images, d.Image)
			numbers[d.Deployment] = true
		}
	}
	return images, len(numbers)
}

// deploymentsOf says in a line of the plan what --redeploy does.
func deploymentsOf(m awsMeasure) string {
	k := m.awsFlags.redeploy
	if k == 0 {
		return ""
	}
	after := fmt.Sprint(m.runs / k)
	if m.runs%k > 0 {
		after += " or " + fmt.Sprint(m.runs/k+1)
	}
	return fmt.Sprintf("%s to each function, of images that it never had: 1 first cold start after each, then %s of the %d\n", plural(k, "deployment"), after, m.runs)
}
