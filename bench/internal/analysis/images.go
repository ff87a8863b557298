package analysis

import (
	"cmp"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// imagesOf lists the images, one for each variant and architecture.
func imagesOf(in Input) []Image {
	type key struct{ variant, arch string }
	h := in.Run.Header
	var before map[key]runfile.Config
	if p := in.Reference; p != nil && h.Reference != "" && p.Header.ID == h.Reference {
		before = map[key]runfile.Config{}
		for _, c := range p.Header.Configs {
			before[key{c.Variant, c.Arch}] = c
		}
	}
	archs := map[string]bool{}
	for _, c := range h.Configs {
		archs[c.Arch] = true
	}
	images := []Image{}
	seen := map[key]bool{}
	for _, c := range h.Configs {
		k := key{c.Variant, c.Arch}
		if seen[k] {
			continue
		}
		seen[k] = true
		i := c.Image
		image := Image{
			Title: cmp.Or(c.Before, c.Variant), Variant: c.Variant, Arch: c.Arch,
			ImageID: i.ImageID, ContentID: i.ContentID, Digest: i.Digest, Layers: known(i.Layers), Base: i.Base, StandIn: i.StandIn,
			SizeBytes: known(i.SizeBytes), CompressedBytes: known(i.CompressedBytes),
		}
		if len(archs) > 1 {
			image.Title += " " + c.Arch
		}
		image.Title += marks(c.Before != "", i.StandIn)
		if before != nil {
			was, ok := before[k]
			image.Change, image.renamed = string(c.Change(was)), ok && c.Renamed(was)
			if !ok {
				image.Change = "new"
			}
		}
		images = append(images, image)
	}
	return images
}

// known is nil for 0, which stands for not known in a run file.
func known[N int | int64](n N) *N {
	if n <= 0 {
		return nil
	}
	return &n
}

func deploys(columns []Column, o observed) []Deploy {
	list := []Deploy{}
	for i := range columns {
		u := o.of(i, coldstart.ClassFirstAfterDeploy)
		for k := range u.environment {
			read := func(metric string) *float64 {
				v := u.values[placeOf(metric)]
				return optional(at(v, k))
			}
			list = append(list, Deploy{Column: i, InitMs: read("init"), DurationMs: read("duration"), BilledMs: read("billed"), Provision: read("provision")})
		}
	}
	return list
}
