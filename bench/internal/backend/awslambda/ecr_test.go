package awslambda

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
)

func TestECRLogin(t *testing.T) {
	token := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	answer := func(token, endpoint string) string {
		return fmt.Sprintf(`{"authorizationData":[{"authorizationToken":%q,"proxyEndpoint":%q,"expiresAt":1}]}`, token, endpoint)
	}
	const host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	for _, test := range []struct {
		name, body string
		status     int
		want       Login
		err, hint  string
	}{
		{"good", answer(token("AWS:s3cret:with:colons"), "https://"+host), 200, Login{host, "AWS", "s3cret:with:colons"}, "", ""},
		{"another endpoint", answer(token("u:p"), "http://localhost:4566/"), 200, Login{"localhost:4566", "u", "p"}, "", ""},
		{"no login", `{"authorizationData":[]}`, 200, Login{}, "no login", ""},
		{"not base64", answer("s3cret!", "https://"+host), 200, Login{}, "base64", ""},
		{"no password", answer(token("s3cret"), "https://"+host), 200, Login{}, "USER:PASSWORD", ""},
		{"no registry", answer(token("AWS:s3cret"), ""), 200, Login{}, "no registry", ""},
		{"a path", answer(token("AWS:s3cret"), "https://"+host+"/x/y"), 200, Login{}, "no registry", ""},
		{"denied", `{"__type":"AccessDeniedException","message":"User: arn:aws:iam::123456789012:user/me is not authorized"}`, 400, Login{}, "ecr:GetAuthorizationToken", "PowerUser"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("X-Amz-Target"); !strings.HasSuffix(got, ".GetAuthorizationToken") {
					t.Errorf("asked for %q", got)
				}
				w.Header().Set("Content-Length", fmt.Sprint(len(test.body)))
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			defer server.Close()
			got, err := ECRLogin(t.Context(), Options{Rehearsal: server.URL})
			if got != test.want || (err == nil) != (test.err == "") {
				t.Fatalf("%+v, %v", got, err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), test.err) || !strings.Contains(advice.HintOf(err), test.hint) {
				t.Errorf("%v, hint %q", err, advice.HintOf(err))
			}
			for _, secret := range []string{"s3cret", token("s3cret"), "user/me", "123456789012"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds %q: %v", secret, err)
				}
			}
		})
	}
}
