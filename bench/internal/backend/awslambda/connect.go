package awslambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// Options say whom to talk to.
type Options struct {
	// Region and Profile are the SDK's own where empty.
	Region, Profile string
	// Rehearsal is the URL of a loopback endpoint that stands for AWS. With it no setting of
	// the user's is read.
	Rehearsal string
	// JournalDir is the folder of restore journals, absolute; made if it is missing.
	JournalDir string
	// Patience is how long an update may take; 0 means 5 minutes.
	Patience time.Duration
	// LogPatience is how long CloudWatch Logs may take to show a REPORT; 0 means 60 s.
	LogPatience time.Duration
	// Patient ends when restoring has to be quick: what is under way is abandoned,
	// and each function is restored once more, no request sent twice. Restoring
	// ends when that has to stop, too. nil means never.
	Patient, Restoring context.Context
	// Log receives each call to the control plane (--verbose); nil for none.
	Log func(line string)
}

const rehearsalRegion = "us-east-1"

// Client talks to Lambda, CloudWatch Logs and STS in one region.
type Client struct {
	o         Options
	region    string
	rehearsal string
	endpoint  string
	counter   *counter
	changed   *changed
	clock     coldstart.Clock
	beyond    time.Duration

	control *lambda.Client // retried
	invoker *lambda.Client // each call is sent once
	logs    *cloudwatchlogs.Client
	sts     *sts.Client
}

// Connect makes a client. It talks to nobody yet. No region is an error.
func Connect(ctx context.Context, o Options) (*Client, error) {
	o.Patience = cmp.Or(o.Patience, 5*time.Minute)
	o.LogPatience = cmp.Or(o.LogPatience, time.Minute)
	o.Restoring = cmp.Or(o.Restoring, context.Background())
	o.Patient = cmp.Or(o.Patient, o.Restoring)
	cfg, err := configure(ctx, o)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, noRegion()
	}
	c := &Client{o: o, region: cfg.Region, counter: newCounter(o.Patient, o.Log), changed: &changed{}, clock: coldstart.Wall{}, beyond: beyond}
	cfg.Retryer = patient
	cfg.APIOptions = append(cfg.APIOptions, c.counter.register)
	c.control, c.logs, c.sts = lambda.NewFromConfig(cfg), cloudwatchlogs.NewFromConfig(cfg), sts.NewFromConfig(cfg)
	c.invoker = lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.Retryer, o.RetryMaxAttempts = aws.NopRetryer{}, 1
		o.APIOptions = append(o.APIOptions, hideWriterTo)
	})
	c.name(ctx)
	return c, nil
}

func noRegion() error {
	return advice.Hint(errors.New("connecting to AWS: no region"), "--region eu-west-1, AWS_REGION, or a region in the profile")
}

func configure(ctx context.Context, o Options) (aws.Config, error) {
	if o.Rehearsal != "" {
		u, err := url.Parse(o.Rehearsal)
		if err != nil {
			return aws.Config{}, fmt.Errorf("connecting to the rehearsal: %w", err)
		}
		if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
			return aws.Config{}, fmt.Errorf("connecting to the rehearsal: %s is not on this machine's loopback", u.Host)
		}
		return aws.Config{
			Region:       cmp.Or(o.Region, rehearsalRegion),
			BaseEndpoint: aws.String(o.Rehearsal),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "REHEARSAL", SecretAccessKey: "rehearsal", Source: "rehearsal"}, nil
			}),
			HTTPClient: transport().WithTransportOptions(func(t *http.Transport) { t.Proxy = nil }),
		}, nil
	}
	// Left alone, the SDK writes what it has to say to stderr itself.
	logger := logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
		if o.Log != nil {
			o.Log(scrub(fmt.Sprintf(format, v...)))
		}
	})
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(transport()), config.WithLogger(logger),
		config.WithRegion(o.Region), config.WithSharedConfigProfile(o.Profile))
	if err != nil {
		return aws.Config{}, advice.Hint(fmt.Errorf("reading the AWS settings: %w", scrubbed(err)), "--profile NAME, or see the files ~/.aws/config and ~/.aws/credentials")
	}
	return cfg, nil
}

// transport keeps a connection for each concurrent invocation and waits as long as a
// function may run.
func transport() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = 0
		t.MaxIdleConnsPerHost = 4096
		t.IdleConnTimeout = 10 * time.Minute
	})
}

// patient retries what may be retried, for control-plane calls: an update that
// is sent twice is noticed by its revision. Credentials that are nowhere are not
// looked for again: each time takes seconds.
func patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 8
		o.MaxBackoff = 10 * time.Second
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if noneFound(err) {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})}, o.Retryables...)
	})
}

func (c *Client) name(ctx context.Context) {
	if c.o.Rehearsal != "" {
		c.rehearsal, c.endpoint = "rehearsal, not AWS", "rehearsal"
		return
	}
	base := cmp.Or(c.control.Options().BaseEndpoint, c.logs.Options().BaseEndpoint)
	if base == nil {
		return
	}
	u, err := url.Parse(*base)
	if err != nil || u.Host == "" {
		c.rehearsal, c.endpoint = "endpoint of its own, not AWS", *base
		return
	}
	own, err := lambda.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, lambda.EndpointParameters{Region: aws.String(c.region)})
	if err == nil && own.URI.Host == u.Host && u.Scheme == "https" {
		return
	}
	c.rehearsal, c.endpoint = "endpoint "+u.Host+", not AWS", u.Host
}

// Region returns the region that is talked to.
func (c *Client) Region() string { return c.region }

// where names what is talked to, for errors.
func (c *Client) where() string {
	if c.rehearsal == "" {
		return c.region
	}
	return c.region + " (" + c.rehearsal + ")"
}

// Rehearsal is "rehearsal, not AWS" or "endpoint HOST, not AWS", empty for AWS. Any endpoint
// but the SDK's own for the region is not AWS.
func (c *Client) Rehearsal() string { return c.rehearsal }
