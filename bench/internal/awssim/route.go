package awssim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one request.
type call struct {
	// operation is Lambda's, CloudWatch Logs' or STS's name for it, "DryRun" for
	// a dry run of Invoke; name is the function's, where it has one.
	operation, name string
	// rest is what follows the function's name and the word behind it in the
	// path.
	rest  string
	id    string
	query url.Values
	head  http.Header
	body  []byte
	fault injectedFault
	do    func(s *Server, c *call) reply
}

func (c *call) serve(s *Server) reply { return c.do(s, c) }

// qualifier is the version or alias that is asked for; empty for none.
func (c *call) qualifier() string { return c.query.Get("Qualifier") }

// decode reads the request's document.
func (c *call) decode(into any) (reply, bool) {
	if len(c.body) == 0 {
		return reply{}, true
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return refusalf(400, "SerializationException", "reading the request: %v", err), false
	}
	return reply{}, true
}

// routes of Lambda's REST interface behind the date, by method and by the word
// behind the function's name.
var routes = map[string]struct {
	operation string
	do        func(s *Server, c *call) reply
}{
	"GET account-settings":           {"GetAccountSettings", (*Server).getAccountSettings},
	"GET functions":                  {"ListFunctions", (*Server).listFunctions},
	"POST functions":                 {"CreateFunction", (*Server).createFunction},
	"GET function":                   {"GetFunction", (*Server).getFunction},
	"DELETE function":                {"DeleteFunction", (*Server).deleteFunction},
	"GET configuration":              {"GetFunctionConfiguration", (*Server).getFunctionConfiguration},
	"PUT configuration":              {"UpdateFunctionConfiguration", (*Server).updateFunctionConfiguration},
	"PUT code":                       {"UpdateFunctionCode", (*Server).updateFunctionCode},
	"POST versions":                  {"PublishVersion", (*Server).publishVersion},
	"GET versions":                   {"ListVersionsByFunction", (*Server).listVersions},
	"POST aliases":                   {"CreateAlias", (*Server).createAlias},
	"GET aliases":                    {"GetAlias", (*Server).getAlias},
	"PUT aliases":                    {"UpdateAlias", (*Server).updateAlias},
	"DELETE aliases":                 {"DeleteAlias", (*Server).deleteAlias},
	"POST invocations":               {"Invoke", (*Server).invoke},
	"PUT concurrency":                {"PutFunctionConcurrency", (*Server).putConcurrency},
	"GET concurrency":                {"GetFunctionConcurrency", (*Server).getConcurrency},
	"DELETE concurrency":             {"DeleteFunctionConcurrency", (*Server).deleteConcurrency},
	"GET provisioned-concurrency":    {"GetProvisionedConcurrencyConfig", (*Server).getProvisioned},
	"PUT provisioned-concurrency":    {"PutProvisionedConcurrencyConfig", (*Server).putProvisioned},
	"DELETE provisioned-concurrency": {"DeleteProvisionedConcurrencyConfig", (*Server).deleteProvisioned},
}

// Operation names the call that a request with a body is, and its function, as
// Stats does.
func Operation(r *http.Request, body []byte) (operation, function string) {
	c := route(r, body)
	return c.operation, c.name
}

// route finds out which call a request is.
func route(r *http.Request, body []byte) *call {
	c := &call{query: r.URL.Query(), head: r.Header, body: body, do: lacking, operation: "Unknown"}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		c.operation = target[strings.LastIndexByte(target, '.')+1:]
		switch c.operation {
		case "FilterLogEvents":
			c.do = (*Server).filterLogEvents
		case "DescribeLogStreams":
			c.do = (*Server).describeLogStreams
		default:
			c.do = lackingLogs
		}
		return c
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) == 1 && parts[0] == "" {
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
			c.operation, c.do = form.Get("Action"), sts
		}
		return c
	}
	if _, err := time.Parse(time.DateOnly, parts[0]); err != nil || len(parts) < 2 {
		return c
	}
	word := parts[1]
	if word == "functions" && len(parts) > 2 {
		c.name, _ = splitName(parts[2])
		word = "function"
		if c.query.Get("Qualifier") == "" {
			if _, q := splitName(parts[2]); q != "" {
				c.query.Set("Qualifier", q)
			}
		}
		if len(parts) > 3 {
			word, c.rest = parts[3], strings.Join(parts[4:], "/")
		}
	}
	if found, ok := routes[r.Method+" "+word]; ok {
		c.operation, c.do = found.operation, found.do
	}
	if c.operation == "Invoke" && r.Header.Get("X-Amz-Invocation-Type") == "DryRun" {
		c.operation = "DryRun"
	}
	if c.operation == "GetAlias" && c.rest == "" {
		c.operation, c.do = "ListAliases", (*Server).listAliases
	}
	return c
}

// lacking answers what this endpoint does not do.
func lacking(_ *Server, c *call) reply {
	return refusal(404, "UnknownOperationException", "the rehearsal does not do this: "+c.operation)
}

func lackingLogs(_ *Server, c *call) reply {
	return logsRefusal("UnknownOperationException", "the rehearsal does not do this: "+c.operation)
}

// inItsForm turns an error of Lambda's into one of the service that was called.
func (s *Server) inItsForm(c *call, r reply) reply {
	switch {
	case c.head.Get("X-Amz-Target") != "":
		code := r.code
		if code == "TooManyRequestsException" {
			code = "ThrottlingException"
		}
		out := logsRefusal(code, code)
		if out.status = r.status; r.status == 403 || r.status == 429 {
			out.status = 400
		}
		return out
	case c.operation == "GetCallerIdentity":
		code := r.code
		switch code {
		case "TooManyRequestsException":
			code = "Throttling"
		case "ExpiredTokenException":
			code = "ExpiredToken"
		case "AccessDeniedException":
			code = "AccessDenied"
		}
		return stsRefusal(r.status, code)
	}
	return r
}

// quotas are the rates that Lambda allows: 15 calls a second of the control plane
// over all operations, 100 of GetFunction; Invoke has none here.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
type quotas struct{ control, read bucket }

// over says whether a call is one too many.
func (q *quotas) over(operation string, now time.Time) bool {
	switch operation {
	case "Invoke", "DryRun", "GetCallerIdentity", "FilterLogEvents", "DescribeLogStreams":
		return false
	case "GetFunction":
		return !q.read.take(100, now)
	}
	return !q.control.take(15, now)
}

// bucket lets so many calls a second pass, and as many at once.
type bucket struct {
	used float64
	at   time.Time
}

func (b *bucket) take(rate float64, now time.Time) bool {
	b.used = max(b.used-rate*now.Sub(b.at).Seconds(), 0)
	b.at = now
	if b.used+1 > rate {
		return false
	}
	b.used++
	return true
}
