package awslambda

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// Each call that may not be made is named, with the file that allows it, and
// ends the run. As soon as it may be made, --restore puts everything back.
func TestMissingPermissionsAreNamed(t *testing.T) {
	denied := "User: arn:aws:sts::123456789012:assumed-role/admin/someone is not authorized"
	cases := []struct {
		operation, permission, strategy, function string
		// from is the first call that is denied.
		from int
	}{
		{"GetCallerIdentity", "sts:GetCallerIdentity", "config-update", "one", 1},
		{"GetAccountSettings", "lambda:GetAccountSettings", "config-update", "one", 1},
		{"GetFunction", "lambda:GetFunction", "config-update", "one", 1},
		{"GetFunction", "lambda:GetFunction", "config-update", "one", 2}, // in mid-update
		{"GetProvisionedConcurrencyConfig", "lambda:GetProvisionedConcurrencyConfig", "idle", "one:live", 1},
		{"UpdateFunctionConfiguration", "lambda:UpdateFunctionConfiguration", "config-update", "one", 1},
		{"UpdateFunctionConfiguration", "lambda:UpdateFunctionConfiguration", "config-update", "one", 2}, // putting back
		{"Invoke", "lambda:InvokeFunction", "config-update", "one", 1},
		{"Invoke", "lambda:InvokeFunction", "version", "one", 1},
		{"PublishVersion", "lambda:PublishVersion", "version", "one", 1},
		{"DeleteFunction", "lambda:DeleteFunction", "version", "one", 1},
		{"ListVersionsByFunction", "lambda:ListVersionsByFunction", "version", "one", 1},
		{"UpdateFunctionCode", "lambda:UpdateFunctionCode", "code-update", "one", 1},
		{"UpdateFunctionCode", "lambda:UpdateFunctionCode", "code-update", "one", 2}, // putting back
		{"FilterLogEvents", "logs:FilterLogEvents", "config-update", "one", 1},
	}
	needed := permissionsNeeded(t)
	for _, c := range cases {
		delete(needed, c.permission)
		t.Run(c.operation, func(t *testing.T) {
			e := awssimtest.Serve(t, "one")
			e.Publish("one", "", "live")
			before := e.Function("one")
			refuse := awssimtest.Refusing(c.operation, 403, "AccessDeniedException", denied)
			e.Fault = func(op string, n int, w http.ResponseWriter, r *http.Request) bool {
				return n >= c.from && refuse(op, n, w, r)
			}
			e.Sent = func(h http.Header, _ string, _ *string) {
				if c.operation == "FilterLogEvents" {
					h.Del("X-Amz-Log-Result")
				}
			}
			client := connect(t, e)
			client.rehearsal = ""
			ref, _ := ParseRef(c.function, "")
			s, err := client.Inventory(t.Context(), []Ref{ref})
			if err == nil {
				err = s.Errors[ref]
			}
			if err == nil {
				k := client.Begin(s, Setup{Strategy: c.strategy, Images: map[Ref][]string{ref: {awssimtest.Digest(1)}}})
				target, oerr := k.Open(t.Context(), coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}, coldstart.Image{Ref: c.function}, coldstart.Options{})
				if oerr != nil {
					t.Fatal(oerr)
				}
				var env coldstart.Environment
				var serr error
				if c.strategy == coldstart.StrategyCodeUpdate {
					serr = target.(coldstart.Redeployer).Deploy(t.Context(), awssimtest.Digest(1))
				}
				if serr == nil {
					env, _, serr = target.Start(t.Context())
				}
				if env != nil {
					serr = env.Close()
				}
				if serr != nil && !errors.Is(serr, coldstart.ErrAbort) {
					t.Errorf("%v does not end the run", serr)
				}
				if err = serr; err == nil {
					err = k.Close()
				} else {
					k.Close()
				}
			}
			if err == nil || !strings.Contains(err.Error(), "no permission for "+c.permission) || !strings.Contains(advice.HintOf(err), Policy) || strings.Contains(err.Error(), "someone") {
				t.Errorf("%v, hint %q", err, advice.HintOf(err))
			}
			e.Mu.Lock()
			e.Fault = nil
			e.Mu.Unlock()
			if _, err := client.Restore(); err != nil {
				t.Error(err)
			}
			left, _ := os.ReadDir(client.o.JournalDir)
			f := e.Function("one")
			if !maps.Equal(f.Variables, before.Variables) || f.Image != awssimtest.Image || !slices.Equal(f.Versions, before.Versions) || len(left) != 0 {
				t.Errorf("left behind: variables %v, versions %v, %d journals", f.Variables, f.Versions, len(left))
			}
		})
	}
	for _, p := range slices.Sorted(maps.Keys(needed)) {
		t.Errorf("nothing here goes without %s, which is needed at %s", p, strings.Join(needed[p], ", "))
	}
}
