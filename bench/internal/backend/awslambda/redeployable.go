package awslambda

import (
	"cmp"
	"fmt"
	"slices"

	"coldbench/bench/internal/advice"
)

// Redeployable knows which images may be deployed in the place of functions.
type Redeployable struct {
	// Number of them is deployed to each function.
	Number int
	// Pushed lists the images that bench pushed, as File does.
	Pushed Pushed
	File   string
	// Gone are the digests that functions had before, by their names.
	Gone map[string]map[string]bool
	// Begun returns the images that the run has started of a variant, and of how many
	// deployments.
	Begun func(variant, arch string) (images []string, deployments int)
}

// Images returns the digests that may be deployed in the place of each function:
// those that the run has started, and then those that were pushed and that the
// function never had. Functions that bench did not push, or without enough images,
// become errors of the inventory. The error is one of usage.
func (r Redeployable) Images(inventory *Inventory, selected []Selection) (map[Ref][]string, error) {
	images := map[Ref][]string{}
	for _, s := range selected {
		facts := inventory.Functions[s.Ref]
		if facts == nil || facts.Zip || facts.Ref.Qualifier != "" {
			continue // refused with better reasons
		}
		if images[s.Ref] != nil {
			return nil, advice.Usage(fmt.Errorf("function %s is named twice: a deployment has one first cold start", s.Ref))
		}
		fresh, err := r.Pushed.Fresh(facts)
		if err != nil {
			inventory.Errors[s.Ref] = advice.Hint(fmt.Errorf("%w (%s)", err, r.File),
				pushCommand(r.Number, s)+", then make deploy; --tfvars FILE, if it was pushed from elsewhere")
			continue
		}
		begun, deployments := r.Begun(s.Variant, facts.Arch)
		fresh = slices.DeleteFunc(fresh, func(digest string) bool {
			return r.Gone[s.Ref.Name][digest] || slices.Contains(begun, digest)
		})
		if need := r.Number - deployments; len(fresh) < need {
			noun := "images"
			if len(fresh) == 1 {
				noun = "image"
			}
			inventory.Errors[s.Ref] = advice.Hint(
				fmt.Errorf("function %s: %d %s that it never had, %d are needed", s.Ref, len(fresh), noun, need),
				pushCommand(need, s))
			continue
		}
		images[s.Ref] = append(begun, fresh...)
	}
	return images, nil
}

// pushCommand is what to type for fresh images of a function.
func pushCommand(n int, s Selection) string {
	text := fmt.Sprintf("bench images push --fresh %d", n)
	if s.Service != nil {
		text += " " + s.Service.Name
	}
	return text
}

// PushedTo lists the images of selected functions of a rehearsal in its repository.
func PushedTo(repository string, selected []Selection) Pushed {
	var pushed Pushed
	for _, s := range selected {
		if s.Fresh == nil {
			continue
		}
		img := PushedImage{URI: repository + "@" + cmp.Or(s.Rehearsed.Digest, s.Rehearsed.ID)}
		for _, digest := range s.Fresh {
			img.Fresh = append(img.Fresh, repository+"@"+digest)
		}
		pushed.Set(s.Variant, s.Arch, img)
	}
	return pushed
}
