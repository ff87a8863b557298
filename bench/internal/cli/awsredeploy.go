package cli

import (
	"path/filepath"

	"coldbench/bench/internal/awssim"
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
// function; see awslambda.Redeployable.
func (a *app) freshImages(client *awslambda.Client, inventory *awslambda.Inventory, m awsMeasure, selected []awslambda.Selection) (map[awslambda.Ref][]string, error) {
	if m.plan.Redeploy == 0 {
		return nil, nil
	}
	folder := a.results(m.out)
	entries, _, err := runfile.Folder(folder.Runs())
	if err != nil {
		return nil, err
	}
	here := runfile.Header{Backend: "aws", Engine: client.Region(), Host: runfile.Host{Fingerprint: client.Fingerprint()}}
	if m.resumed != nil {
		here.ID = m.resumed.Header.ID
	}
	gone, err := runfile.DeployedTo(entries, here)
	if err != nil {
		return nil, err
	}
	vars := a.varsFile(m.awsFlags.vars, m.file)
	pushed := awslambda.PushedTo(awssim.Repository(client.Region()), selected)
	if !m.awsFlags.rehearse {
		if pushed, err = awslambda.ReadPushed(vars); err != nil {
			return nil, err
		}
	}
	return awslambda.Redeployable{
		Number: m.plan.Redeploy, Pushed: pushed, File: folder.Relative(vars), Gone: gone, Begun: m.resumed.DeployedOf,
	}.Images(inventory, selected)
}
