package runner

import (
	"context"
	"errors"
	"fmt"

	"coldbench/bench/internal/coldstart"
)

// turn returns which deployment a round belongs to, from 1, and which round of
// it it is: 0 makes the first cold starts. The deployments share the Runs
// equally; where they can't, the first ones have one more. It is 0, 0 in a plan
// without deployments.
func (j *Job) turn(round int) (deployment, position int) {
	if j.Redeploy == 0 || round < 1 {
		return 0, 0
	}
	length, longer := j.Runs/j.Redeploy+1, j.Runs%j.Redeploy
	at, before := round-1, 0
	if long := longer * (length + 1); at < long {
		length++
	} else {
		at, before = at-long, longer
	}
	return before + at/length + 1, at % length
}

func (j *Job) first(round int) bool {
	deployment, position := j.turn(round)
	return round == 0 || deployment > 0 && position == 0
}

func (j *Job) warmRuns(round int) int {
	if j.first(round) {
		return 0
	}
	return j.WarmRuns
}

type deployed struct {
	// number is the deployment whose image is in place, 0 for none; again is true
	// where it was put there once more; fresh where it was never started for
	// certain.
	number       int
	again, fresh bool
	// images are those of the deployments, used all that may have been started.
	images map[int]string
	used   map[string]bool
	// forgone are the deployments whose lack was told already.
	forgone map[int]bool
}

func newDeployed() deployed {
	return deployed{images: map[int]string{}, used: map[string]bool{}, forgone: map[int]bool{}}
}

func (d *deployed) note(n coldstart.Deployed) {
	d.images[n.Number], d.used[n.Image] = n.Image, true
}

// tried takes the outcome of a start: only one that was refused before it ran
// leaves the image as new as it was.
func (d *deployed) tried(err error) {
	var np *coldstart.ProofError
	d.fresh = d.fresh && errors.As(err, &np) && np.Reason == coldstart.Throttled
}

type notDeployed struct {
	number int
	first  bool
}

func (e *notDeployed) Error() string {
	if e.first {
		return fmt.Sprintf("deployment %d has no first cold start: no image is left that was never started", e.number)
	}
	return fmt.Sprintf("deployment %d was not made: there are no cold starts after it", e.number)
}

// deploy sees to it that the image is in place which a cold start of the round
// has to be made of. A first cold start takes a new image, and again a new one
// where nobody knows whether it was made.
func (r *run) deploy(ctx context.Context, c *config, round int) error {
	number, position := r.turn(round)
	d := &c.deployed
	switch {
	case number == 0, position > 0 && d.number == number, position == 0 && d.number == number && d.fresh:
		return nil
	case position > 0:
		image, ok := d.images[number]
		if !ok {
			return &notDeployed{number: number}
		}
		err := r.put(ctx, c, image, coldstart.Redeployer.DeployAgain)
		if err == nil {
			d.number, d.again, d.fresh = number, true, false
		}
		return err
	}
	for _, image := range r.Images[c.Config] {
		if d.used[image] {
			continue
		}
		if err := r.put(ctx, c, image, coldstart.Redeployer.Deploy); err != nil {
			return err
		}
		now := coldstart.Deployed{Config: c.Config, Round: round, Number: number, Image: image, At: r.o.Clock.Now()}
		if err := r.sink.Deployed(now); err != nil {
			return &stop{StoppedGaveUp, err}
		}
		d.note(now)
		d.number, d.again, d.fresh = number, false, true
		return nil
	}
	return &notDeployed{number, true}
}

// put deploys an image. Until it has returned nobody knows what is in place.
func (r *run) put(ctx context.Context, c *config, image string, deploy func(coldstart.Redeployer, context.Context, string) error) error {
	c.deployed.number = 0
	var err error
	r.waiting(func() { err = deploy(r.Targets[c.Config].(coldstart.Redeployer), ctx, image) })
	return err
}

// forgo settles a cold start for which there is no image. A first one counts as
// not proved; those after a deployment that failed were counted with it.
func (r *run) forgo(c *config, none *notDeployed) {
	if none.first {
		r.res.Unproved++
		r.fail(c, coldstart.InvocationError{Err: none})
	}
	if c.deployed.forgone[none.number] {
		return
	}
	c.deployed.forgone[none.number] = true
	r.res.Warnings = append(r.res.Warnings, fmt.Sprintf("%v: %v", c.Config, none))
}

func (r *run) deploymentOf(c *config, round int) *coldstart.Deployment {
	number, position := r.turn(round)
	if number == 0 {
		return nil
	}
	return &coldstart.Deployment{Number: number, Position: position, Again: c.deployed.again}
}
