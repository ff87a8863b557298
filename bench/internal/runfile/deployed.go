package runfile

import (
	"fmt"
	"time"

	"coldbench/bench/internal/coldstart"
)

func fromDeployed(d coldstart.Deployed) Deployed {
	return Deployed{
		Type: typeDeploy, Config: d.Config,
		Round: d.Round, Deployment: d.Number, Image: d.Image, At: Stamp(d.At),
	}
}

// Note returns what was recorded.
func (r Deployed) Note() coldstart.Deployed {
	// As in Try: a stamp that can't be read was refused already.
	at, _ := time.Parse(time.RFC3339, r.At)
	return coldstart.Deployed{
		Config: r.Config, Round: r.Round, Number: r.Deployment, Image: r.Image, At: at,
	}
}

// DeployedTo returns the images that other runs of the backend, engine and host of
// h have deployed, by digest, for each function: they are new there no more. It
// reads the files of those runs whole; one that can't be read is an error, for what
// it deployed is not known then.
func DeployedTo(entries []Entry, h Header) (map[string]map[string]bool, error) {
	seen := map[string]map[string]bool{}
	for _, e := range entries {
		if !e.Header.sameHost(h) || e.Header.Plan.Redeploy == 0 || e.Header.ID == h.ID {
			continue
		}
		run, err := Open(e.Path)
		if err != nil {
			return nil, fmt.Errorf("looking for images that were deployed before: %w", err)
		}
		function := map[coldstart.Config]string{}
		for _, c := range e.Header.Configs {
			if c.Function != nil {
				function[c.Config] = c.Function.Name
			}
		}
		for _, d := range run.Deployed {
			name := function[d.Config]
			if seen[name] == nil {
				seen[name] = map[string]bool{}
			}
			seen[name][d.Image] = true
		}
	}
	return seen, nil
}

// DeployedOf returns the images that the run has started of a variant, and of how
// many deployments. A nil run has started none.
func (r *Run) DeployedOf(variant, arch string) (images []string, deployments int) {
	if r == nil {
		return nil, 0
	}
	numbers := map[int]bool{}
	for _, d := range r.Deployed {
		if d.Variant == variant && d.Arch == arch {
			images = append(images, d.Image)
			numbers[d.Deployment] = true
		}
	}
	return images, len(numbers)
}
