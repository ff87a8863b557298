package cli

import (
	"context"
	"errors"
)

// Rehearsal is an endpoint on loopback that stands for AWS.
type Rehearsal struct {
	URL   string
	Close func() error
}

// RehearsalOptions say what a rehearsal serves.
type RehearsalOptions struct {
	Region string
}

// rehearse serves the functions that are wanted.
func (a *app) rehearse(ctx context.Context, m awsMeasure, wanted []awsWant) (*Rehearsal, error) {
	if a.Rehearse == nil {
		return nil, errors.New("this build has no endpoint to rehearse on")
	}
	return a.Rehearse(ctx, RehearsalOptions{Region: m.awsFlags.region})
}
