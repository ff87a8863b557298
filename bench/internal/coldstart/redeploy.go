package coldstart

import (
	"context"
	"time"
)

// Redeployer is a Target whose image can be replaced by others of the same
// content that were never started where it runs.
type Redeployer interface {
	Target
	// Deploy replaces the image by a new one, named by its digest. The next Start
	// is that image's first cold start, and nothing but the deployment forces it.
	// The error is as Start's. Whatever is deployed, Close of the target's backend
	// restores the image that was there in the beginning.
	Deploy(ctx context.Context, digest string) error
	// DeployAgain is Deploy for an image that was started before: the next Start
	// forces a cold start as it would have without the deployment.
	DeployAgain(ctx context.Context, digest string) error
}

// Deployment says of a cold sample which deployment of the run it follows.
type Deployment struct {
	// Number counts the deployments of the sample's configuration, from 1.
	Number int
	// Position counts the cold starts since the deployment: 0 is the first one of
	// the image, 1 the next. Tries that gave no sample are not counted, though some
	// of them may have started the image, but for the first: it takes another image
	// where that may be.
	Position int
	// Again is true where the image had to be deployed once more after its first
	// cold start, because the run was interrupted there.
	Again bool
}

// Deployed is an image that was put in its place and is about to be started
// for the first time: from then on it is new no more, whatever comes of the
// start.
type Deployed struct {
	Config Config
	// Round is that of the first start, Number the deployment's, from 1.
	Round, Number int
	// Image is the digest.
	Image string
	At    time.Time
}
