// Package awstest is an endpoint made by hand that stands for AWS in tests: it
// runs no function and makes up its times. It is opinionated about being easy to
// break: each of its answers can be replaced.
package awstest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Endpoint is the least of AWS that a session needs, made by hand: it knows
// functions, updates that take some polls, and environments that are cold once
// an update.
type Endpoint struct {
	*httptest.Server
	t testing.TB
	// Mu guards what follows.
	Mu sync.Mutex
	// Functions by name. Calls lists what came, Counts how often, Invocations
	// those that ran.
	Functions   map[string]*Function
	Calls       []string
	Invocations int
	requests    int
	// Fault may answer a call in the endpoint's place: true where it did.
	Fault func(operation string, n int, w http.ResponseWriter, r *http.Request) bool
	// Wait is how long a cold invocation takes; where it is not 0 all are cold.
	// Latency is added to each answer of an invocation.
	Wait, Latency time.Duration
	// Sent changes an invocation's answer before it is sent; nil for none.
	Sent func(h http.Header, id string, report *string)
	Logs []LogEvent
	// Filter answers FilterLogEvents; nil for all events in one page.
	Filter func(in map[string]any) (events []LogEvent, next string)
	Counts map[string]int
	// running and Most are invocations at one time, now and at the most.
	running, Most int
}

// LogEvent is an event as FilterLogEvents gives it.
type LogEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	LogStreamName string `json:"logStreamName"`
}

// tokenKey is the variable that the function says in its answer.
const tokenKey = "BENCH_TOKEN"

// Function is a function of the endpoint.
type Function struct {
	Vars           map[string]string
	Memory         int
	Timeout        int
	Arch           string
	Revision       int
	Polls          int // until an update is through
	State, Status  string
	PollsPerUpdate int
	// Takes is how long an update goes on, however often it is asked for; 0
	// where PollsPerUpdate counts.
	Takes               time.Duration
	until               time.Time
	served              int // revision that the warm environment is of; 0 for none
	instance, count     int
	Versions            map[string]string // by number: descriptions
	nextVersion         int
	servedVersion       map[string]int
	Answer              func(token string) (payload, functionError, report string)
	LogFormat, LogLevel string
	Reserved            *int
	EnvError            string
	Zip                 bool
	Alias               string
	Uptime              string
	// Image is the digest of its image.
	Image string
	// tried counts cold starts by image.
	tried map[string]int
}

// Serve begins an endpoint with functions of those names, which ends with the
// test.
func Serve(t testing.TB, names ...string) *Endpoint {
	e := &Endpoint{t: t, Functions: map[string]*Function{}, Counts: map[string]int{}}
	for _, n := range names {
		e.Functions[n] = &Function{
			Vars: map[string]string{"KEPT": "secret-" + n}, Memory: 512, Timeout: 3, Arch: "x86_64", Revision: 1, State: "Active", Status: "Successful",
			PollsPerUpdate: 1, Versions: map[string]string{}, servedVersion: map[string]int{}, Image: Image, tried: map[string]int{},
		}
	}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// Reply sends a JSON answer in one piece.
func Reply(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

// Refuse sends an error of AWS's.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	Reply(w, status, map[string]string{"Message": message, "Code": code, "__type": code})
}

// RefuseSTS sends an error as STS does, in XML.
func RefuseSTS(w http.ResponseWriter, status int, code, message string) {
	text := "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error><RequestId>1</RequestId></ErrorResponse>"
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// Refusing makes a Fault that answers each call of an operation, or of all where
// it is empty, with an error of AWS's.
func Refusing(operation string, status int, code, message string) func(string, int, http.ResponseWriter, *http.Request) bool {
	return func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
		switch {
		case operation != "" && op != operation:
			return false
		case op == "GetCallerIdentity":
			RefuseSTS(w, status, code, message)
		default:
			Refuse(w, status, code, message)
		}
		return true
	}
}

// Operation says which call a request is, and of which function.
func (e *Endpoint) Operation(r *http.Request) (op, name string) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:], ""
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) < 2:
		return "GetCallerIdentity", ""
	case parts[1] == "account-settings":
		return "GetAccountSettings", ""
	case len(parts) == 3 && r.Method == "GET":
		return "GetFunction", parts[2]
	case len(parts) == 3 && r.Method == "DELETE":
		return "DeleteFunction", parts[2]
	}
	name = parts[2]
	switch parts[3] {
	case "configuration":
		return "UpdateFunctionConfiguration", name
	case "code":
		return "UpdateFunctionCode", name
	case "invocations":
		if r.Header.Get("X-Amz-Invocation-Type") == "DryRun" {
			return "DryRun", name
		}
		return "Invoke", name
	case "versions":
		if r.Method == "GET" {
			return "ListVersionsByFunction", name
		}
		return "PublishVersion", name
	case "provisioned-concurrency":
		return "GetProvisionedConcurrencyConfig", name
	}
	return r.Method + " " + r.URL.Path, name
}

// ServeHTTP answers one call.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its client was killed
	}
	op, name := e.Operation(r)
	e.Mu.Lock()
	e.Counts[op]++
	e.Calls = append(e.Calls, strings.TrimSpace(op+" "+name))
	n, fault := e.Counts[op], e.Fault
	e.Mu.Unlock()
	if fault != nil && fault(op, n, w, r) {
		return
	}
	switch op {
	case "GetCallerIdentity":
		text := `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/someone</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		io.WriteString(w, text)
		return
	case "GetAccountSettings":
		Reply(w, 200, map[string]any{"AccountLimit": map[string]any{"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}})
		return
	case "FilterLogEvents":
		e.filterLogs(w, body)
		return
	}
	e.Mu.Lock()
	f := e.Functions[name]
	e.Mu.Unlock()
	if f == nil {
		Refuse(w, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:"+name)
		return
	}
	if op == "Invoke" {
		e.invoke(w, r, f)
		return
	}
	e.Mu.Lock()
	defer e.Mu.Unlock()
	switch op {
	case "GetFunction":
		f.poll()
		q := r.URL.Query().Get("Qualifier")
		if _, published := f.Versions[q]; q != "" && !published && q != f.Alias {
			Refuse(w, 404, "ResourceNotFoundException", "no such version")
			return
		}
		Reply(w, 200, f.describe(name, q))
	case "UpdateFunctionConfiguration":
		e.update(w, f, name, body)
	case "UpdateFunctionCode":
		e.updateCode(w, f, name, body)
	case "PublishVersion":
		f.nextVersion++
		v := strconv.Itoa(f.nextVersion)
		var in struct{ Description string }
		if err := json.Unmarshal(body, &in); err != nil {
			e.t.Errorf("publish: %v", err)
		}
		f.Versions[v] = in.Description
		f.Revision++
		Reply(w, 201, map[string]any{"Version": v, "Description": in.Description})
	case "ListVersionsByFunction":
		list := []any{map[string]any{"Version": "$LATEST"}, map[string]any{"Version": "999", "Description": "somebody's own"}}
		for v, description := range f.Versions {
			list = append(list, map[string]any{"Version": v, "Description": description})
		}
		Reply(w, 200, map[string]any{"Versions": list})
	case "DeleteFunction":
		delete(f.Versions, r.URL.Query().Get("Qualifier"))
		w.WriteHeader(204)
	case "GetProvisionedConcurrencyConfig":
		Refuse(w, 404, "ProvisionedConcurrencyConfigNotFoundException", "none")
	case "DryRun":
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(204)
	default:
		Refuse(w, 404, "UnknownOperationException", op)
	}
}

// reasons are what an endpoint says of an update in a state.
var reasons = map[string]string{"Failed": "the image is gone"}

func (f *Function) describe(name, q string) map[string]any {
	env := map[string]any{"Variables": f.Vars}
	if f.EnvError != "" {
		env = map[string]any{"Error": map[string]string{"ErrorCode": f.EnvError, "Message": "no"}}
	}
	version := "$LATEST"
	if q != "" {
		version = q
	}
	if q == f.Alias && q != "" {
		version = "7"
	}
	out := map[string]any{"Configuration": map[string]any{
		"FunctionName": name, "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:" + name,
		"MemorySize": f.Memory, "Timeout": f.Timeout, "Architectures": []string{f.Arch}, "RevisionId": fmt.Sprint("r", f.Revision),
		"State": f.State, "LastUpdateStatus": f.Status, "LastUpdateStatusReason": reasons[f.Status], "Environment": env, "Version": version, "PackageType": "Image",
		"CodeSha256":    strings.TrimPrefix(f.Image, "sha256:"),
		"LoggingConfig": map[string]string{"LogFormat": cmp.Or(f.LogFormat, "Text"), "LogGroup": "/aws/lambda/" + name, "SystemLogLevel": f.LogLevel},
	}, "Code": map[string]any{"ResolvedImageUri": Repository + "@" + f.Image}}
	if f.Reserved != nil {
		out["Concurrency"] = map[string]any{"ReservedConcurrentExecutions": *f.Reserved}
	}
	return out
}

func (e *Endpoint) update(w http.ResponseWriter, f *Function, name string, body []byte) {
	var in struct {
		Environment *struct{ Variables map[string]string }
		MemorySize  *int
		RevisionId  string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		e.t.Errorf("update: %v", err)
	}
	switch {
	case f.Status == "InProgress":
		Refuse(w, 409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress")
		return
	case in.RevisionId != "" && in.RevisionId != fmt.Sprint("r", f.Revision):
		Refuse(w, 412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id.")
		return
	}
	if in.Environment != nil {
		f.Vars = maps.Clone(in.Environment.Variables)
	}
	if in.MemorySize != nil {
		f.Memory = *in.MemorySize
	}
	f.Revision++
	f.served = 0
	if f.Polls = f.PollsPerUpdate; f.Polls > 0 || f.Takes > 0 {
		f.Status, f.until = "InProgress", time.Now().Add(f.Takes)
	}
	Reply(w, 200, f.describe(name, "")["Configuration"])
}

// poll ends an update that was asked for often enough, or that took its time.
func (f *Function) poll() {
	if f.Status != "InProgress" || f.Takes == 0 && f.Polls == 0 {
		return
	}
	if f.Takes > 0 && time.Now().Before(f.until) {
		return
	}
	if f.Takes == 0 {
		if f.Polls--; f.Polls > 0 {
			return
		}
	}
	f.Status, f.Polls = "Successful", 0
	f.Revision++
}

func (e *Endpoint) invoke(w http.ResponseWriter, r *http.Request, f *Function) {
	e.Mu.Lock()
	e.Invocations++
	e.requests++
	e.running++
	e.Most = max(e.Most, e.running)
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", e.requests)
	cold := f.served == 0
	q := r.URL.Query().Get("Qualifier")
	if q != "" && q != f.Alias {
		cold = f.servedVersion[q] == 0
		f.servedVersion[q]++
	}
	if cold || e.Wait > 0 {
		f.instance++
		f.count = 0
		cold = true
		f.tried[f.Image]++
	}
	f.served = f.Revision
	f.count++
	instance, count, token, memory := f.instance, f.count, f.Vars[tokenKey], f.Memory
	answer, wait, sent := f.Answer, e.Wait+e.Latency, e.Sent
	uptime := f.Uptime
	e.Mu.Unlock()
	time.Sleep(wait)
	payload := fmt.Sprintf(`{"message":"hello","instanceId":"i%d","invocation":%d,"token":%q%s}`, instance, count, token, uptime)
	report := fmt.Sprintf("REPORT RequestId: %s\tDuration: 1.25 ms\tBilled Duration: 2 ms\tMemory Size: %d MB\tMax Memory Used: 17 MB\t", id, memory)
	if cold {
		report = fmt.Sprintf("REPORT RequestId: %s\tDuration: 1.25 ms\tBilled Duration: 46 ms\tMemory Size: %d MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t", id, memory)
	}
	failure := ""
	if answer != nil {
		p, f, r := answer(token)
		if p != "" {
			payload = p
		}
		if failure = f; r != "" {
			report = strings.ReplaceAll(r, "ID", id)
		}
	}
	h := w.Header()
	h.Set("X-Amzn-Requestid", id)
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if q != "" {
		h.Set("X-Amz-Executed-Version", q)
		if q == f.Alias {
			h.Set("X-Amz-Executed-Version", "7")
		}
	}
	if failure != "" {
		h.Set("X-Amz-Function-Error", failure)
	}
	if sent != nil {
		sent(h, id, &report)
	}
	e.Mu.Lock()
	e.running--
	e.Logs = append(e.Logs, LogEvent{time.Now().UnixMilli(), report + "\n", fmt.Sprintf("s%d", instance)})
	e.Mu.Unlock()
	if h.Get("X-No-Log") == "" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("START RequestId: "+id+" Version: $LATEST\nEND RequestId: "+id+"\n"+report+"\n")))
	}
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	io.WriteString(w, payload)
}

func (e *Endpoint) filterLogs(w http.ResponseWriter, body []byte) {
	var in map[string]any
	json.Unmarshal(body, &in)
	e.Mu.Lock()
	defer e.Mu.Unlock()
	if e.Filter != nil {
		events, next := e.Filter(in)
		out := map[string]any{"events": events}
		if next != "" {
			out["nextToken"] = next
		}
		Reply(w, 200, out)
		return
	}
	Reply(w, 200, map[string]any{"events": e.Logs})
}
