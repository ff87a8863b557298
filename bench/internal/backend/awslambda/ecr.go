package awslambda

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"coldbench/bench/internal/advice"
)

// Login is for a registry of images. It is valid for hours and must not be written anywhere.
type Login struct {
	// Registry is the host, without a scheme.
	Registry string
	// User and Password are for HTTP's basic authentication.
	User, Password string
}

// ECRLogin asks for a login to the account's own registry in the region of the
// options. It is not part of measuring: bench images push needs it.
func ECRLogin(ctx context.Context, o Options) (Login, error) {
	cfg, err := configure(ctx, o)
	if err != nil {
		return Login{}, err
	}
	if cfg.Region == "" {
		return Login{}, noRegion()
	}
	client := ecr.NewFromConfig(cfg, func(o *ecr.Options) { o.Retryer = patient() })
	out, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return Login{}, explainLogin(err)
	}
	if len(out.AuthorizationData) == 0 {
		return Login{}, errors.New("logging in to ECR: the endpoint answered no login")
	}
	data := out.AuthorizationData[0]
	// The errors of decoding would hold the token.
	token, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	user, password, ok := strings.Cut(string(token), ":")
	if err != nil || !ok || user == "" || password == "" {
		return Login{}, errors.New("logging in to ECR: the endpoint's token is not USER:PASSWORD in base64")
	}
	_, host, ok := strings.Cut(aws.ToString(data.ProxyEndpoint), "://")
	host = strings.TrimSuffix(host, "/")
	if !ok || host == "" || strings.Contains(host, "/") {
		return Login{}, errors.New("logging in to ECR: the endpoint names no registry")
	}
	return Login{Registry: host, User: user, Password: password}, nil
}

// explainLogin adds a hint: the policy of measuring does not hold this permission.
func explainLogin(err error) error {
	if kindOf(err) == kindPermission {
		return advice.Hint(fmt.Errorf("logging in to ECR: no permission for ecr:GetAuthorizationToken: %w", scrubbed(err)),
			"push with the rights that make deploy has; AWS's own policy AmazonEC2ContainerRegistryPowerUser is enough")
	}
	return explain("logging in to ECR", "ecr", "GetAuthorizationToken", err)
}
