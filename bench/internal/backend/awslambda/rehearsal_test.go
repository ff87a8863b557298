package awslambda

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// A rehearsal talks to its endpoint and to nobody else, with no credentials of
// the user's, whatever the environment and the profile say.
func TestRehearsalTalksToNobodyElse(t *testing.T) {
	var mu sync.Mutex
	var others []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		others = append(others, r.Method+" "+r.Host)
		mu.Unlock()
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	text := "[default]\nregion = ap-south-1\nendpoint_url = " + proxy.URL + "\ncredential_process = touch " + filepath.Join(dir, "ran") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"HTTP_PROXY": proxy.URL, "HTTPS_PROXY": proxy.URL, "ALL_PROXY": proxy.URL, "NO_PROXY": "",
		"AWS_ENDPOINT_URL": proxy.URL, "AWS_ENDPOINT_URL_LAMBDA": proxy.URL, "AWS_ENDPOINT_URL_STS": proxy.URL, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": proxy.URL,
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "realLooking/Secret", "AWS_SESSION_TOKEN": "realLookingToken",
		"AWS_CONFIG_FILE": file, "AWS_PROFILE": "default", "AWS_REGION": "eu-west-3",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": proxy.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT": proxy.URL,
	} {
		t.Setenv(k, v)
	}
	for _, url := range []string{"https://lambda.eu-west-1.amazonaws.com", "http://10.0.0.1:80", "127.0.0.1:80", "http://localhost.example.com", "%"} {
		if _, err := Connect(t.Context(), Options{Rehearsal: url}); err == nil {
			t.Errorf("a rehearsal at %s", url)
		}
	}
	e := awssimtest.Serve(t, "one")
	signed := 0
	inner := e.Config.Handler
	e.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		signed++
		for k, v := range r.Header {
			if s := strings.Join(v, " "); strings.Contains(s, "AKIA") || strings.Contains(s, "realLooking") {
				t.Errorf("%s: %s", k, s)
			}
		}
		mu.Unlock()
		inner.ServeHTTP(w, r)
	})
	c := connect(t, e)
	if c.Region() != rehearsalRegion || c.Rehearsal() != "rehearsal, not AWS" {
		t.Errorf("%s, %s", c.Region(), c.Rehearsal())
	}
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if len(others) > 0 || signed == 0 {
		t.Errorf("others were talked to: %q; %d requests to the endpoint", others, signed)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the profile's credential_process ran")
	}
}

// An endpoint that lacks what a run needs is named with what it lacks.
func TestEndpointsThatLackThings(t *testing.T) {
	for _, c := range []struct{ operation, want string }{
		{"GetFunction", "the endpoint lacks GetFunction"},
		{"UpdateFunctionConfiguration", "the endpoint lacks UpdateFunctionConfiguration"},
		{"Invoke", "the endpoint lacks InvokeFunction: HTTP status"},
		{"GetCallerIdentity", ""}, {"GetAccountSettings", ""}, // done without
	} {
		for _, status := range []int{404, 501} {
			e := awssimtest.Serve(t, "one")
			e.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
				if op != c.operation {
					return false
				}
				http.Error(w, "not implemented", status)
				return true
			}
			client := connect(t, e)
			err := inventory(e, client, "one")
			if err == nil {
				_, targets := open(t, e, client, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
				_, _, err = targets[0].Start(t.Context())
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %d: %v, want %q", c.operation, status, err, c.want)
			}
		}
	}
}

// What AWS does not have is looked for in the wrong place.
func TestWhereAFunctionIsNotDeployed(t *testing.T) {
	e := awssimtest.Serve(t)
	err := inventory(e, connect(t, e), "one")
	if err == nil || !strings.Contains(err.Error(), "one is not deployed in us-east-1 (rehearsal, not AWS)") || !strings.Contains(advice.HintOf(err), "AWS_ENDPOINT_URL") {
		t.Errorf("%v, hint %q", err, advice.HintOf(err))
	}
}

// An endpoint that changes more with an update than was asked for is no reason to
// suspect anybody; AWS that does is.
func TestEndpointsThatChangeMore(t *testing.T) {
	for _, rehearsal := range []string{"", "endpoint host:1, not AWS"} {
		e := awssimtest.Serve(t, "one")
		c := connect(t, e)
		c.rehearsal = rehearsal
		k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
		updates := 0
		e.Edit = func(op string, n int, document map[string]any) {
			switch {
			case op == "UpdateFunctionConfiguration":
				updates = n
			case op == "GetFunction" && updates > 0:
				awssimtest.Set(document, map[string]any{"CodeSha256": fmt.Sprintf("%064d", updates), "Timeout": 3 + updates})
			}
		}
		var err error
		for range 2 {
			if err == nil {
				_, _, err = targets[0].Start(t.Context())
			}
		}
		if rehearsal != "" {
			if err := errors.Join(err, k.Close()); err != nil || e.Function("one").Variables[TokenKey] != "" {
				t.Errorf("%v, %v", err, e.Function("one").Variables)
			}
		} else if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "(CodeSha256, Timeout)") {
			t.Errorf("AWS: %v", err)
		}
	}
}

// An endpoint that does not know qualifiers would delete the function in a
// version's place: it is not asked to.
func TestEndpointsWithoutVersions(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	before := maps.Clone(e.Function("one").Variables)
	e.Fault = func(_ string, _ int, _ http.ResponseWriter, r *http.Request) bool {
		r.URL.RawQuery = ""
		return false
	}
	c := connect(t, e)
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyVersion}, "one")
	_, _, err := targets[0].Start(t.Context())
	if !errors.Is(err, coldstart.ErrAbort) || !strings.Contains(err.Error(), "the endpoint lacks versions: asked for one:1") {
		t.Errorf("%v", err)
	}
	if err := k.Close(); err != nil || !maps.Equal(e.Function("one").Variables, before) {
		t.Errorf("%v, %v", err, e.Function("one").Variables)
	}
	if n := e.Counts["DeleteFunction"]; n != 0 {
		t.Errorf("DeleteFunction was called %d times: %q", n, e.Calls)
	}
	if files, _ := os.ReadDir(c.o.JournalDir); len(files) != 0 {
		t.Errorf("%d journals are left", len(files))
	}
}
