package awslambda

import (
	"context"
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

	"coldbench/bench/internal/coldstart"
)

// endpoint is the least of AWS that a campaign needs, made by hand: it knows
// functions, updates that take some polls, and environments that are cold once
// an update.
type endpoint struct {
	*httptest.Server
	t  *testing.T
	mu sync.Mutex
	// functions by name; calls and invocations in the order they came.
	functions   map[string]*remote
	calls       []string
	invocations int
	requests    int
	// fault may answer a call in the endpoint's place: true where it did.
	fault func(operation string, n int, w http.ResponseWriter, r *http.Request) bool
	// wait is how long an invocation takes.
	wait time.Duration
	// sent changes an invocation's answer before it is sent; nil for none.
	sent func(h http.Header, id string, report *string)
	logs []logEvent
	// filter answers FilterLogEvents; nil for all events in one page.
	filter func(in map[string]any) (events []logEvent, next string)
	counts map[string]int
	// running and most are invocations at one time, now and at the most.
	running, most int
}

type logEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	LogStreamName string `json:"logStreamName"`
}

// remote is a function of the endpoint.
type remote struct {
	vars                map[string]string
	memory              int
	timeout             int
	arch                string
	revision            int
	polls               int // until an update is through
	state, status       string
	pollsPerUpdate      int
	served              int // revision that the warm environment is of; 0 for none
	instance, count     int
	versions            map[string]bool
	nextVersion         int
	servedVersion       map[string]int
	answer              func(token string) (payload, functionError, report string)
	logFormat, logLevel string
	reserved            *int
	envError            string
	zip                 bool
	alias               string
	uptime              string
}

func serve(t *testing.T, names ...string) *endpoint {
	e := &endpoint{t: t, functions: map[string]*remote{}, counts: map[string]int{}}
	for _, n := range names {
		e.functions[n] = &remote{
			vars: map[string]string{"KEPT": "secret-" + n}, memory: 512, timeout: 3, arch: "x86_64", revision: 1, state: "Active", status: "Successful",
			pollsPerUpdate: 1, versions: map[string]bool{}, servedVersion: map[string]int{},
		}
	}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// reply sends a JSON answer in one piece.
func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

// refuse sends an error of AWS's.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	reply(w, status, map[string]string{"Message": message, "Code": code, "__type": code})
}

// refuseSTS sends an error as STS does, in XML.
func refuseSTS(w http.ResponseWriter, status int, code, message string) {
	text := "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error><RequestId>1</RequestId></ErrorResponse>"
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	io.WriteString(w, text)
}

func (e *endpoint) operation(r *http.Request) (op, name string) {
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

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	op, name := e.operation(r)
	e.mu.Lock()
	e.counts[op]++
	e.calls = append(e.calls, strings.TrimSpace(op+" "+name))
	n, fault := e.counts[op], e.fault
	e.mu.Unlock()
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
		reply(w, 200, map[string]any{"AccountLimit": map[string]any{"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}})
		return
	case "FilterLogEvents":
		e.filterLogs(w, body)
		return
	}
	e.mu.Lock()
	f := e.functions[name]
	e.mu.Unlock()
	if f == nil {
		refuse(w, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:"+name)
		return
	}
	if op == "Invoke" {
		e.invoke(w, r, f)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch op {
	case "GetFunction":
		if f.polls > 0 {
			if f.polls--; f.polls == 0 {
				f.status = "Successful"
				f.revision++
			}
		}
		q := r.URL.Query().Get("Qualifier")
		if q != "" && !f.versions[q] && q != f.alias {
			refuse(w, 404, "ResourceNotFoundException", "no such version")
			return
		}
		reply(w, 200, f.describe(name, q))
	case "UpdateFunctionConfiguration":
		e.update(w, f, name, body)
	case "PublishVersion":
		f.nextVersion++
		v := strconv.Itoa(f.nextVersion)
		f.versions[v] = true
		f.revision++
		reply(w, 201, map[string]any{"Version": v, "Description": versionNote})
	case "ListVersionsByFunction":
		list := []any{map[string]any{"Version": "$LATEST"}, map[string]any{"Version": "999", "Description": "somebody's own"}}
		for v := range f.versions {
			list = append(list, map[string]any{"Version": v, "Description": versionNote})
		}
		reply(w, 200, map[string]any{"Versions": list})
	case "DeleteFunction":
		delete(f.versions, r.URL.Query().Get("Qualifier"))
		w.WriteHeader(204)
	case "GetProvisionedConcurrencyConfig":
		refuse(w, 404, "ProvisionedConcurrencyConfigNotFoundException", "none")
	case "DryRun":
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(204)
	default:
		refuse(w, 404, "UnknownOperationException", op)
	}
}

func (f *remote) describe(name, q string) map[string]any {
	env := map[string]any{"Variables": f.vars}
	if f.envError != "" {
		env = map[string]any{"Error": map[string]string{"ErrorCode": f.envError, "Message": "no"}}
	}
	version := "$LATEST"
	if q != "" {
		version = q
	}
	if q == f.alias && q != "" {
		version = "7"
	}
	out := map[string]any{"Configuration": map[string]any{
		"FunctionName": name, "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:" + name,
		"MemorySize": f.memory, "Timeout": f.timeout, "Architectures": []string{f.arch}, "RevisionId": fmt.Sprint("r", f.revision),
		"State": f.state, "LastUpdateStatus": f.status, "Environment": env, "Version": version, "PackageType": "Image",
		"CodeSha256":    strings.Repeat("ab", 32),
		"LoggingConfig": map[string]string{"LogFormat": orElse(f.logFormat, "Text"), "LogGroup": "/aws/lambda/" + name, "SystemLogLevel": f.logLevel},
	}, "Code": map[string]any{"ResolvedImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x@sha256:" + strings.Repeat("ab", 32)}}
	if f.reserved != nil {
		out["Concurrency"] = map[string]any{"ReservedConcurrentExecutions": *f.reserved}
	}
	return out
}

func (e *endpoint) update(w http.ResponseWriter, f *remote, name string, body []byte) {
	var in struct {
		Environment *struct{ Variables map[string]string }
		MemorySize  *int
		RevisionId  string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		e.t.Errorf("update: %v", err)
	}
	switch {
	case f.status == "InProgress":
		refuse(w, 409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress")
		return
	case in.RevisionId != "" && in.RevisionId != fmt.Sprint("r", f.revision):
		refuse(w, 412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id.")
		return
	}
	if in.Environment != nil {
		f.vars = maps.Clone(in.Environment.Variables)
	}
	if in.MemorySize != nil {
		f.memory = *in.MemorySize
	}
	f.revision++
	f.served = 0
	if f.polls = f.pollsPerUpdate; f.polls > 0 {
		f.status = "InProgress"
	}
	reply(w, 200, f.describe(name, "")["Configuration"])
}

func (e *endpoint) invoke(w http.ResponseWriter, r *http.Request, f *remote) {
	e.mu.Lock()
	e.invocations++
	e.requests++
	e.running++
	e.most = max(e.most, e.running)
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", e.requests)
	cold := f.served == 0
	q := r.URL.Query().Get("Qualifier")
	if q != "" && q != f.alias {
		cold = f.servedVersion[q] == 0
		f.servedVersion[q]++
	}
	if cold || e.wait > 0 {
		f.instance++
		f.count = 0
		cold = true
	}
	f.served = f.revision
	f.count++
	instance, count, token, memory := f.instance, f.count, f.vars[TokenKey], f.memory
	answer, wait, sent := f.answer, e.wait, e.sent
	uptime := f.uptime
	e.mu.Unlock()
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
		if q == f.alias {
			h.Set("X-Amz-Executed-Version", "7")
		}
	}
	if failure != "" {
		h.Set("X-Amz-Function-Error", failure)
	}
	if sent != nil {
		sent(h, id, &report)
	}
	e.mu.Lock()
	e.running--
	e.logs = append(e.logs, logEvent{time.Now().UnixMilli(), report + "\n", fmt.Sprintf("s%d", instance)})
	e.mu.Unlock()
	if h.Get("X-No-Log") == "" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("START RequestId: "+id+" Version: $LATEST\nEND RequestId: "+id+"\n"+report+"\n")))
	}
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	io.WriteString(w, payload)
}

func (e *endpoint) filterLogs(w http.ResponseWriter, body []byte) {
	var in map[string]any
	json.Unmarshal(body, &in)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.filter != nil {
		events, next := e.filter(in)
		out := map[string]any{"events": events}
		if next != "" {
			out["nextToken"] = next
		}
		reply(w, 200, out)
		return
	}
	reply(w, 200, map[string]any{"events": e.logs})
}

// client connects to the endpoint.
func (e *endpoint) client(t *testing.T) *Client {
	t.Helper()
	c, err := Connect(context.Background(), Options{Rehearsal: e.URL, JournalDir: t.TempDir(), Patience: 20 * time.Second, LogPatience: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c.endpoint = "host:1" // one that outlives the bench
	return c
}

// open surveys and opens functions at their own memory size.
func (e *endpoint) open(t *testing.T, c *Client, s Setup, names ...string) (*Campaign, []coldstart.Target) {
	t.Helper()
	var refs []Ref
	for _, n := range names {
		ref, err := ParseRef(n, "")
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	survey, err := c.Survey(context.Background(), refs)
	if err != nil {
		t.Fatal(err)
	}
	k := c.Begin(survey, s)
	t.Cleanup(func() { k.Close() })
	var targets []coldstart.Target
	for _, ref := range refs {
		if err := survey.Errors[ref]; err != nil {
			t.Fatal(err)
		}
		target, err := k.Open(context.Background(), coldstart.Config{Variant: ref.Name, MemoryMB: 512, Arch: "amd64"}, coldstart.Image{Ref: ref.String()}, coldstart.Options{Payload: []byte(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	return k, targets
}
