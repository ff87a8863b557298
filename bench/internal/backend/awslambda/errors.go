package awslambda

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"coldbench/bench/internal/advice"
)

// Policy is the file that lists what bench has to be allowed, for hints.
const Policy = "deployment/bench-policy.json"

// ErrForeign is wrapped if somebody else changed a function while it was measured.
var ErrForeign = errors.New("somebody else changed it")

// kind sorts errors by what to do about them.
type kind int

const (
	kindNone        kind = iota
	kindThrottled        // too many requests: wait
	kindServer           // the server's fault: wait
	kindConnection       // no answer: wait
	kindCredentials      // nobody, or nobody any more
	kindPermission       // somebody who may not
	kindNotFound         // no such function, version or log group
	kindConflict         // an update is going on
	kindRevision         // the revision is another one
	kindLacks            // the endpoint does not know the operation
	kindCanceled         // the context ended
	kindOther
)

func kindOf(err error) kind {
	if err == nil {
		return kindNone
	}
	var late *unanswered
	if errors.As(err, &late) {
		return kindConnection
	}
	var canceled *smithy.CanceledError
	if errors.As(err, &canceled) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return kindCanceled
	}
	if noneFound(err) {
		return kindCredentials
	}
	status := 0
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		status = answer.HTTPStatusCode()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if k := kindOfCode(api.ErrorCode()); k != kindOther {
			return k
		}
	}
	switch {
	case status == 429:
		return kindThrottled
	case status == 501 || (status == 404 || status == 405 || status == 400) && (api == nil || api.ErrorCode() == "UnknownError"):
		return kindLacks
	case status >= 500:
		return kindServer
	case status == 403:
		return kindPermission
	case status == 404:
		return kindNotFound
	}
	if status == 0 {
		text := err.Error()
		var sent *smithyhttp.RequestSendError
		var network net.Error
		switch {
		case errors.As(err, &sent), errors.As(err, &network):
			return kindConnection
		case strings.Contains(text, "credentials"), strings.Contains(text, "failed to sign request"), strings.Contains(text, "get identity"):
			return kindCredentials
		case strings.Contains(text, "deserialization failed"), strings.Contains(text, "unexpected EOF"):
			return kindConnection
		}
	}
	return kindOther
}

// noneFound says whether there are no credentials: the SDK looks last in an EC2 instance's
// metadata service, and that had none either or is not there.
func noneFound(err error) bool {
	var op *smithy.OperationError
	for errors.As(err, &op) {
		if op.ServiceID == "ec2imds" {
			return true
		}
		err = op.Err
	}
	return false
}

func kindOfCode(code string) kind {
	switch code {
	case "TooManyRequestsException", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded", "LimitExceededException", "SlowDown", "EC2ThrottledException":
		return kindThrottled
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationTokenException", "MissingAuthenticationToken", "IncompleteSignature", "AuthFailure", "OptInRequired", "InvalidAccessKeyId":
		return kindCredentials
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized":
		return kindPermission
	case "ResourceNotFoundException", "ResourceNotFound", "ProvisionedConcurrencyConfigNotFoundException":
		return kindNotFound
	case "ResourceConflictException", "SnapStartNotReadyException", "ResourceInUseException":
		return kindConflict
	case "PreconditionFailedException":
		return kindRevision
	case "UnknownOperationException", "NotImplemented", "NotImplementedException", "InvalidAction", "UnsupportedOperation":
		return kindLacks
	case "ResourceNotReadyException", "ServiceException", "InternalFailure", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException",
		"EC2UnexpectedException", "EC2AccessDeniedException", "ENILimitReachedException", "ENINotReadyException", "SubnetIPAddressLimitReachedException",
		"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException",
		"SnapStartException", "SnapStartTimeoutException":
		return kindServer
	}
	return kindOther
}

// explain adds what to do. operation is the permission's name behind the service's.
func explain(doing, service, operation string, err error) error {
	if err == nil {
		return nil
	}
	k := kindOf(err)
	wrapped := fmt.Errorf("%s: %w", doing, scrubbed(err))
	switch k {
	case kindCredentials:
		return advice.Hint(wrapped, "log in again: aws sso login, aws configure, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or --profile NAME")
	case kindPermission:
		return advice.Hint(fmt.Errorf("%s: no permission for %s:%s: %w", doing, service, operation, scrubbed(err)), fmt.Sprintf("allow %s:%s; %s is all that bench aws needs", service, operation, Policy))
	case kindLacks:
		return fmt.Errorf("%s: the endpoint lacks %s: %w", doing, operation, scrubbed(err))
	case kindConnection:
		return advice.Hint(wrapped, "is the network up, the region right, and a proxy or AWS_ENDPOINT_URL set that should not be?")
	case kindConflict:
		return advice.Hint(wrapped, "another update is going on; wait for its end")
	}
	return wrapped
}

// thenHint adds what to do after what err's own hint says.
func thenHint(err error, hint string) error {
	switch first := advice.HintOf(err); {
	case strings.Contains(first, hint):
		return err
	case first != "":
		hint = first + "; then " + hint
	}
	return advice.Hint(err, hint)
}

// fatal says whether an error ends a run: what comes after it would fail too.
func fatal(err error) bool {
	k := kindOf(err)
	return k == kindCredentials || k == kindPermission || errors.Is(err, ErrForeign)
}

var (
	identity = onFirstUse(`arn:aws[a-z-]*:(iam|sts)::\d*:[^\s"',)]*`)
	account  = onFirstUse(`\b\d{12}\b`)
	ids      = onFirstUse(`\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{8,}\b`)
)

func scrub(s string) string {
	s = identity().ReplaceAllString(s, "arn:aws:$1::…")
	s = account().ReplaceAllString(s, "…")
	return ids().ReplaceAllString(s, "$1…")
}

// scrubbedError is an error whose text may be published.
type scrubbedError struct{ err error }

func (e *scrubbedError) Error() string {
	return scrub(strings.TrimPrefix(shorten(e.err), "operation error "))
}
func (e *scrubbedError) Unwrap() error { return e.err }

func scrubbed(err error) error { return &scrubbedError{err} }

// shorten returns AWS's own words, without the SDK's text around them. Without any it is the
// status: why the SDK could not read the answer is no help.
func shorten(err error) string {
	if noneFound(err) {
		return "no credentials in the environment or the profile, and no instance here that has a role"
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "" && api.ErrorCode() != "UnknownError" {
		if m := api.ErrorMessage(); m != "" {
			return api.ErrorCode() + ": " + m
		}
		return api.ErrorCode()
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil && answer.HTTPStatusCode() >= 400 {
		return fmt.Sprintf("HTTP status %d", answer.HTTPStatusCode())
	}
	return err.Error()
}
