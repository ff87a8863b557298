package awssim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type call struct {
	// operation is Lambda's, CloudWatch Logs' or STS's name for it, "DryRun" for
	// a dry run of Invoke; name is the function's, where it has one.
	operation, name string
	// rest is the path behind the function's name and the next word.
	rest  string
	id    string
	query url.Values
	head  http.Header
	body  []byte
	fault injectedFault
	do    func(s *Server, c *call) reply
	f     *function
	v     *version
}

func (c *call) qualifier() string { return c.query.Get("Qualifier") }

func (c *call) decode(into any) error {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return refusalf(400, "SerializationException", "reading the request: %v", err)
	}
	return nil
}

// none is the document of a request that has none.
type none struct{}

func (s *Server) locate(c *call) (err error) {
	switch c.operation {
	case "GetAccountSettings", "ListFunctions", "CreateFunction": // of none
	default:
		c.f, c.v, err = s.find(c.name, c.qualifier())
	}
	return err
}

// handle makes a handler of a method, which gets the request's document, the lock and the
// call's function. Its error is a reply, or what is wrong with the request.
func handle[In any](status int, do func(s *Server, c *call, in In) (any, error)) func(*Server, *call) reply {
	return func(s *Server, c *call) reply {
		var in In
		if _, empty := any(in).(none); !empty {
			if err := c.decode(&in); err != nil {
				return refused(err)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.locate(c); err != nil {
			return refused(err)
		}
		out, err := do(s, c, in)
		switch {
		case err != nil:
			return refused(err)
		case status == http.StatusNoContent:
			return reply{status: status}
		}
		return answer(status, out)
	}
}

// handleLogs is handle for CloudWatch Logs, without the lock. An error is a reply.
func handleLogs[In any](do func(s *Server, in In) (any, error)) func(*Server, *call) reply {
	return func(s *Server, c *call) reply {
		var in In
		if c.decode(&in) != nil {
			return logsRefusal("SerializationException", "reading the request")
		}
		out, err := do(s, in)
		if err != nil {
			return refused(err)
		}
		r := answer(200, out)
		r.header["Content-Type"] = "application/x-amz-json-1.1"
		return r
	}
}

// routes of Lambda's REST interface, by method and the word behind the function's name.
var routes = map[string]struct {
	operation string
	do        func(s *Server, c *call) reply
}{
	"GET account-settings":           {"GetAccountSettings", handle(200, (*Server).getAccountSettings)},
	"GET functions":                  {"ListFunctions", handle(200, (*Server).listFunctions)},
	"POST functions":                 {"CreateFunction", handle(201, (*Server).createFunction)},
	"GET function":                   {"GetFunction", handle(200, (*Server).getFunction)},
	"DELETE function":                {"DeleteFunction", handle(204, (*Server).deleteFunction)},
	"GET configuration":              {"GetFunctionConfiguration", handle(200, (*Server).getFunctionConfiguration)},
	"PUT configuration":              {"UpdateFunctionConfiguration", handle(200, (*Server).updateFunctionConfiguration)},
	"PUT code":                       {"UpdateFunctionCode", handle(200, (*Server).updateFunctionCode)},
	"POST versions":                  {"PublishVersion", handle(201, (*Server).publishVersion)},
	"GET versions":                   {"ListVersionsByFunction", handle(200, (*Server).listVersions)},
	"POST aliases":                   {"CreateAlias", handle(201, (*Server).createAlias)},
	"GET aliases":                    {"GetAlias", handle(200, (*Server).getAlias)},
	"PUT aliases":                    {"UpdateAlias", handle(200, (*Server).updateAlias)},
	"DELETE aliases":                 {"DeleteAlias", handle(204, (*Server).deleteAlias)},
	"POST invocations":               {"Invoke", (*Server).invoke},
	"PUT concurrency":                {"PutFunctionConcurrency", handle(200, (*Server).putConcurrency)},
	"GET concurrency":                {"GetFunctionConcurrency", handle(200, (*Server).getConcurrency)},
	"DELETE concurrency":             {"DeleteFunctionConcurrency", handle(204, (*Server).deleteConcurrency)},
	"GET provisioned-concurrency":    {"GetProvisionedConcurrencyConfig", handle(200, (*Server).getProvisioned)},
	"PUT provisioned-concurrency":    {"PutProvisionedConcurrencyConfig", handle(202, (*Server).putProvisioned)},
	"DELETE provisioned-concurrency": {"DeleteProvisionedConcurrencyConfig", handle(204, (*Server).deleteProvisioned)},
}

// Operation names the call that a request is, and its function, as Stats does.
func Operation(r *http.Request, body []byte) (operation, function string) {
	c := route(r, body)
	return c.operation, c.name
}

func route(r *http.Request, body []byte) *call {
	c := &call{query: r.URL.Query(), head: r.Header, body: body, do: lacking, operation: "Unknown"}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		c.operation = target[strings.LastIndexByte(target, '.')+1:]
		switch c.operation {
		case "FilterLogEvents":
			c.do = handleLogs((*Server).filterLogEvents)
		case "DescribeLogStreams":
			c.do = handleLogs((*Server).describeLogStreams)
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
		c.operation, c.do = "ListAliases", handle(200, (*Server).listAliases)
	}
	return c
}

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
		code := cmp.Or(map[string]string{"TooManyRequestsException": "ThrottlingException"}[r.code], r.code)
		out := logsRefusal(code, code)
		if out.status = r.status; r.status == 403 || r.status == 429 {
			out.status = 400
		}
		return out
	case c.operation == "GetCallerIdentity":
		return stsRefusal(r.status, cmp.Or(stsCodes[r.code], r.code))
	}
	return r
}

// stsCodes are STS's names for errors of Lambda's.
var stsCodes = map[string]string{
	"TooManyRequestsException": "Throttling", "ExpiredTokenException": "ExpiredToken", "AccessDeniedException": "AccessDenied",
}

// quotas are the rates that Lambda allows: 15 calls a second of the control plane
// over all operations, 100 of GetFunction; Invoke has none here.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
type quotas struct{ control, read bucket }

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
