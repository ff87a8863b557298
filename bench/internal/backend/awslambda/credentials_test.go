package awslambda

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"coldbench/bench/internal/advice"
)

// TestTheMetadataServiceHasNoCredentials: that it refuses is no lack of a
// permission, and the SDK's warning of it is for --verbose.
func TestTheMetadataServiceHasNoCredentials(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refuses.Close()
	for _, key := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(key, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", refuses.URL)
	var lines []string
	c, err := Connect(t.Context(), Options{Region: "eu-west-1", JournalDir: t.TempDir(), Log: func(line string) { lines = append(lines, line) }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Inventory(t.Context(), nil)
	if err == nil || err.Error() != "asking who I am: no credentials in the environment or the profile, and no instance here that has a role" {
		t.Errorf("said %v", err)
	}
	if hint := advice.HintOf(err); !strings.Contains(hint, "aws configure") {
		t.Errorf("hint %q", hint)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "IMDSv1") {
		t.Errorf("lines %q", lines)
	}
}

// TestMissingCredentialsAreNotRetried: on most machines nobody answers for the
// metadata service, which is no connection that was lost.
func TestMissingCredentialsAreNotRetried(t *testing.T) {
	lost := &smithyhttp.RequestSendError{Err: errors.New("connection refused")}
	for _, tc := range []struct {
		err   error
		retry bool
		kind  kind
	}{
		{&smithy.OperationError{ServiceID: "STS", Err: lost}, true, kindConnection},
		{&smithy.OperationError{ServiceID: "STS", Err: &smithy.OperationError{ServiceID: "ec2imds", Err: lost}}, false, kindCredentials},
	} {
		if retry := patient().IsErrorRetryable(tc.err); retry != tc.retry || kindOf(tc.err) != tc.kind {
			t.Errorf("%v: retried %v, kind %d", tc.err, retry, kindOf(tc.err))
		}
	}
}
