package image

import (
	"cmp"
	"context"
	"fmt"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// Earlier is the image that a variant had in an earlier run.
type Earlier struct {
	// Image has an ID, and what else is known of it of ContentID, Base and StandIn.
	coldstart.Image
	// Run is the run's ID.
	Run string
	// EngineOnly is true if the store did not hold it.
	EngineOnly bool
}

// Again finds the image that a variant had in an earlier run, by its ID or else by
// its content.
func (s *Store) Again(ctx context.Context, v coldstart.Variant, was Earlier, o Options) (coldstart.Image, error) {
	v.Build, v.Image = nil, was.ID
	img, err := s.ImageOf(ctx, v, o)
	if id, ok := s.FindContent(was.ContentID); err != nil && ok {
		v.Image = id
		img, err = s.ImageOf(ctx, v, o)
	}
	if err == nil && !img.Identity().Same(was.Identity()) {
		err = fmt.Errorf("what is found under its ID is %s", Short(img.ID))
	}
	if err != nil {
		hint := "bench images build " + v.Name + " in a checkout of that time: equal content is enough"
		if was.EngineOnly {
			hint = "docker pull or docker load the image again: only the engine held it"
		}
		return img, advice.Hint(fmt.Errorf("the image that it had in run %s, %s, is not on this machine: %w", was.Run, Short(was.ID), err), hint)
	}
	img.Base = cmp.Or(img.Base, was.Base)
	img.StandIn = img.StandIn || was.StandIn
	return img, nil
}

// Short shortens a digest for a person.
func Short(id string) string { return id[:min(len(id), len("sha256:")+12)] }
