package runfile

import (
	"time"

	"coldbench/bench/internal/coldstart"
)

// fromDeployed turns an image that is about to be started into its record.
func fromDeployed(d coldstart.Deployed) Deployed {
	return Deployed{
		Type: typeDeploy, Variant: d.Config.Variant, MemorySizeMB: d.Config.MemoryMB, Arch: d.Config.Arch,
		Round: d.Round, Deployment: d.Number, Image: d.Image, At: Stamp(d.At),
	}
}

// Note returns what was recorded.
func (r Deployed) Note() coldstart.Deployed {
	// As in attempt: a stamp that can't be read was refused already.
	at, _ := time.Parse(time.RFC3339, r.At)
	return coldstart.Deployed{
		Config: coldstart.Config{Variant: r.Variant, MemoryMB: r.MemorySizeMB, Arch: r.Arch},
		Round:  r.Round, Number: r.Deployment, Image: r.Image, At: at,
	}
}

// DeployedTo returns the images that runs of one backend, engine and host have
// deployed, by digest, for each function: they are new there no more. It reads
// the files of those runs whole; one that can't be read is an error, for what it
// deployed is not known then.
func DeployedTo(entries []Entry, backend, engine, fingerprint string) (map[string]map[string]bool, error) {
	seen := map[string]map[string]bool{}
	for _, e := range entries {
		h := e.Header
		if h.Backend != backend || h.Engine != engine || h.Host.Fingerprint != fingerprint || h.Plan.Redeploy == 0 {
			continue
		}
		run, err := Open(e.Path)
		if err != nil {
			return nil, err
		}
		function := map[coldstart.Config]string{}
		for _, c := range h.Configs {
			if c.Function != nil {
				function[c.Config()] = c.Function.Name
			}
		}
		for _, d := range run.Deployed {
			name := function[d.Note().Config]
			if seen[name] == nil {
				seen[name] = map[string]bool{}
			}
			seen[name][d.Image] = true
		}
	}
	return seen, nil
}
