package runfile

import "coldbench/bench/internal/coldstart"

// ImageOf returns what a run file holds of an image.
func ImageOf(i coldstart.Image) Image {
	return Image{
		ImageID: i.ID, ContentID: i.ContentID, Digest: i.Digest, SizeBytes: i.SizeBytes, CompressedBytes: i.CompressedBytes,
		// The store knows the content of what it holds.
		EngineOnly: i.Ref != "" && i.ContentID == "",
		Layers:     i.Layers, Base: i.Base, StandIn: i.StandIn,
	}
}
