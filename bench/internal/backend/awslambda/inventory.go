package awslambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"coldbench/bench/internal/advice"
)

// Account is what preflight found out about who is asking.
type Account struct {
	// ID is the account's number, ARN who bench is; or empty. Not for a run file.
	ID, ARN string
	// Concurrent is how many environments may run at once in the region, Unreserved how
	// many of them no function has reserved; 0 if unknown.
	Concurrent, Unreserved int
}

// Inventory is the result of looking before anything is changed.
type Inventory struct {
	Account Account
	// Functions holds what was found, Errors what can't be measured and why.
	Functions map[Ref]*Facts
	Errors    map[Ref]error
	// Warnings are what the endpoint lacks.
	Warnings []string

	region string
}

// Reaches says why a function with that home is not in the inventory, whatever its name;
// nil if it may be. The error names no account.
func (s *Inventory) Reaches(h Home) error {
	switch {
	case h.Region != "" && h.Region != s.region:
		return advice.Hint(fmt.Errorf("its ARN is of %s, not of %s", h.Region, s.region), "--region "+h.Region)
	case h.Account != "" && s.Account.ID != "" && h.Account != s.Account.ID:
		return advice.Hint(errors.New("its ARN is of another account than the one that is logged in to"), "log in to the function's account: --profile NAME or AWS_PROFILE")
	}
	return nil
}

// Inventory reads functions and changes nothing. The error is of the account; what is wrong
// with a function is in the Inventory.
func (c *Client) Inventory(ctx context.Context, refs []Ref) (*Inventory, error) {
	s := &Inventory{Functions: map[Ref]*Facts{}, Errors: map[Ref]error{}, region: c.region}
	if err := c.readAccount(ctx, s); err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if s.Functions[ref] != nil || s.Errors[ref] != nil {
			continue
		}
		facts, err := c.look(ctx, ref)
		switch {
		case err == nil:
			s.Functions[ref] = facts
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case fatal(err):
			return nil, err
		default:
			s.Errors[ref] = err
		}
	}
	return s, nil
}

// readAccount reads the account. What another endpoint than AWS lacks is a warning.
func (c *Client) readAccount(ctx context.Context, s *Inventory) error {
	warn := func(text string) { s.Warnings = append(s.Warnings, text) }
	tolerate := func(err, explained error) error {
		if c.rehearsal == "" || kindOf(err) == kindConnection || ctx.Err() != nil {
			return explained
		}
		warn(explained.Error())
		return nil
	}
	who, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err == nil {
		s.Account.ID, s.Account.ARN = aws.ToString(who.Account), aws.ToString(who.Arn)
	} else if err := tolerate(err, explain("asking who I am", "sts", "GetCallerIdentity", err)); err != nil {
		return err
	}
	settings, err := c.control.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return tolerate(err, explain("asking for the account's concurrency", "lambda", "GetAccountSettings", err))
	}
	l := settings.AccountLimit
	if l == nil {
		warn("asking for the account's concurrency: the endpoint names no limit")
		return nil
	}
	s.Account.Concurrent, s.Account.Unreserved = int(l.ConcurrentExecutions), int(aws.ToInt32(l.UnreservedConcurrentExecutions))
	if l.UnreservedConcurrentExecutions != nil && s.Account.Unreserved == 0 && s.Account.Concurrent > 0 {
		warn("all of the account's concurrency is reserved: functions without a reservation can't run")
	}
	return nil
}

func (c *Client) look(ctx context.Context, ref Ref) (*Facts, error) {
	out, err := c.getFunction(ctx, ref)
	if err != nil {
		return nil, err
	}
	f, err := factsOf(ref, out)
	if err != nil {
		return nil, err
	}
	if ref.Qualifier != "" {
		_, err := c.control.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String(ref.Name), Qualifier: aws.String(ref.Qualifier)})
		switch k := kindOf(err); {
		case err == nil:
			f.Provisioned = true
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s has provisioned concurrency: environments that stand ready are no cold starts", ref))
		case k == kindNotFound, k == kindLacks && c.rehearsal != "":
		default:
			return nil, explain("asking for provisioned concurrency of "+ref.String(), "lambda", "GetProvisionedConcurrencyConfig", err)
		}
	}
	return f, nil
}

func (c *Client) getFunction(ctx context.Context, ref Ref) (*lambda.GetFunctionOutput, error) {
	out, err := c.control.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(ref.Name), Qualifier: optional(ref.Qualifier)})
	switch {
	case kindOf(err) == kindNotFound:
		hint := "make deploy; or --region and --profile, if it is elsewhere"
		if c.rehearsal != "" {
			hint = "make it there, or unset AWS_ENDPOINT_URL and endpoint_url to ask AWS"
		}
		return nil, advice.Hint(fmt.Errorf("function %s is not deployed in %s", ref, c.where()), hint)
	case err != nil:
		return nil, explain("reading function "+ref.String(), "lambda", "GetFunction", err)
	case out.Configuration == nil:
		return nil, fmt.Errorf("reading function %s: the endpoint returns no configuration", ref)
	}
	return out, nil
}

// Capacity returns how many environments of a function may run at once, from 1 to n.
func (s *Inventory) Capacity(f *Facts, n int) int {
	free := cmp.Or(s.Account.Unreserved, s.Account.Concurrent)
	if f.Reserved > 0 {
		free = f.Reserved
	}
	if free > 0 {
		n = min(n, free)
	}
	return max(n, 1)
}
