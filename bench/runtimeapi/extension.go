package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxExtensions is Lambda's limit of extensions, of both kinds together.
const maxExtensions = 10

// extension is one that has registered. Guarded by the session's mutex.
type extension struct {
	id, name string
	// external is true for a program of /opt/extensions, false for a thread of
	// the runtime's process.
	external         bool
	invoke, shutdown bool
	// registeredNs and readyNs are when it registered and first asked for an event, or 0.
	registeredNs, readyNs int64
	// mail holds the event that it has not taken yet.
	mail chan *notice
	// running is the invocation that it has been told of and not ended.
	running *exchange
	// told: it has the SHUTDOWN event. idle: it has asked for an event after that. gone:
	// it reported an error of its own. exited: its process, if external, has ended.
	told, idle, gone, exited bool
	// gaveUp is Lambda's word for the error that it reported.
	gaveUp string
}

// notice is an event for an extension: an invocation, or the shutdown.
type notice struct {
	exchange *exchange
	body     []byte
}

// post leaves an invocation for the extension; the session's mutex is held.
func (x *extension) post(e *exchange) {
	select {
	case x.mail <- &notice{exchange: e}:
	default:
		// It has not even taken the invocation before; that one counts on.
		e.pending--
	}
}

// invokeEvent is the body of an INVOKE event, its keys in Lambda's order.
type invokeEvent struct {
	EventType   string  `json:"eventType"`
	DeadlineMs  int64   `json:"deadlineMs"`
	RequestID   string  `json:"requestId"`
	FunctionARN string  `json:"invokedFunctionArn"`
	Tracing     tracing `json:"tracing"`
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// shutdownEvent is the body of a SHUTDOWN event.
type shutdownEvent struct {
	EventType  string `json:"eventType"`
	Reason     string `json:"shutdownReason"`
	DeadlineMs int64  `json:"deadlineMs"`
}

// serveRegister answers POST /extension/register. External extensions, which give the
// name of their file, may subscribe to INVOKE and SHUTDOWN; internal ones to INVOKE,
// before the runtime's first /next. Texts are those of rapi/handler/agentregister.go
// in AWS's emulator.
func (s *session) serveRegister(w http.ResponseWriter, r *http.Request, arrival int64, _ string) {
	name := r.Header.Get("Lambda-Extension-Name")
	if name == "" {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	var req struct {
		Events []string `json:"events"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	// An extension can be faster than the launcher's word of what it started.
	select {
	case <-s.known:
	case <-s.over:
		refuse(w, http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
		return
	}
	x := &extension{id: NewRequestID(), name: name, mail: make(chan *notice, 1)}
	if code, message := s.register(x, req.Events, arrival); code != "" {
		refuse(w, http.StatusForbidden, code, message)
		return
	}
	doc := struct {
		FunctionName    string `json:"functionName"`
		FunctionVersion string `json:"functionVersion"`
		Handler         string `json:"handler"`
		AccountID       string `json:"accountId,omitempty"`
	}{s.fn.Name, s.fn.Version, s.fn.Handler, ""}
	for _, f := range strings.Split(r.Header.Get("Lambda-Extension-Accept-Feature"), ",") {
		if strings.TrimSpace(f) == "accountId" {
			doc.AccountID = s.fn.Account
		}
	}
	out, _ := json.Marshal(doc)
	w.Header()["Lambda-Extension-Identifier"] = []string{x.id}
	reply(w, http.StatusOK, contentJSON, append(out, '\n'))
}

// register takes the extension in, or returns the type and text of the error.
func (s *session) register(x *extension, events []string, arrival int64) (code, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.external = slices.Contains(s.external, x.name)
	for _, e := range events {
		switch {
		case e == "INVOKE":
			x.invoke = true
		case e == "SHUTDOWN" && x.external:
			x.shutdown = true
		case e == "SHUTDOWN":
			return "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
		default:
			return "Extension.InvalidEventType", e + ": ErrorInvalidEventType"
		}
	}
	if code, message := s.refusal(x); code != "" {
		return code, message
	}
	x.registeredNs = arrival
	s.extensions = append(s.extensions, x)
	if x.external && s.countExternal() == len(s.external) {
		for _, o := range s.extensions {
			if o.external {
				s.registeredNs = max(s.registeredNs, o.registeredNs)
			}
		}
		close(s.registered)
	}
	return "", ""
}

// refusal returns why x may not register, "" if it may; s.mu is held.
func (s *session) refusal(x *extension) (code, message string) {
	i := slices.IndexFunc(s.extensions, func(o *extension) bool { return o.name == x.name })
	switch {
	case x.external && i >= 0:
		return "Extension.InvalidExtensionState", transitionText(s.extensions[i].state(), "Registered", "extension "+x.name)
	case x.external:
		return "", "" // its file was counted when it was launched
	case s.initDone, s.readyNs != 0:
		return "Extension.RegistrationClosed", "Extension registration closed already"
	case len(s.external)+len(s.extensions)-s.countExternal() >= maxExtensions:
		return "Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxExtensions)
	case i >= 0:
		return "Extension.InvalidExtensionState", "Extension with this name already registered"
	}
	return "", ""
}

// countExternal counts the registered external extensions; s.mu is held.
func (s *session) countExternal() int {
	n := 0
	for _, x := range s.extensions {
		if x.external {
			n++
		}
	}
	return n
}

// identified returns the extension that asks, or nil after refusing the request.
func (s *session) identified(w http.ResponseWriter, r *http.Request) *extension {
	id := r.Header.Get("Lambda-Extension-Identifier")
	switch {
	case id == "":
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
		return nil
	case !uuid(id):
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.extensions {
		if x.id == id {
			return x
		}
	}
	refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	return nil
}

// uuid says whether s has the form of a UUID.
func uuid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && strings.IndexByte("0123456789abcdefABCDEF", s[i]) < 0 {
			return false
		}
	}
	return true
}

// serveEvent answers GET /extension/event/next. The first one ends the extension's init,
// a later one its part in the invocation.
func (s *session) serveEvent(w http.ResponseWriter, r *http.Request, arrival int64, _ string) {
	x := s.identified(w, r)
	if x == nil {
		return
	}
	s.mu.Lock()
	if x.gone {
		text := transitionText(x.state(), "Ready", "extension "+x.id)
		s.mu.Unlock()
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionState", text)
		return
	}
	if x.readyNs == 0 {
		x.readyNs = arrival
		s.tryInit()
	}
	if x.told {
		x.idle = true
		s.noteChange()
	}
	if e := x.running; e != nil {
		x.running = nil
		if s.cur == e {
			s.arrived(e, max(arrival, e.handedOutNs.Load()))
		}
	}
	s.mu.Unlock()

	var n *notice
	select {
	case n = <-x.mail:
	case <-s.over:
		w.Header()["Connection"] = []string{"close"}
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionState", "the process was ended")
		return
	case <-r.Context().Done():
		return
	}
	body := n.body
	s.mu.Lock()
	if n.exchange != nil {
		x.running = n.exchange
	} else {
		x.told = true
	}
	s.mu.Unlock()
	if e := n.exchange; e != nil {
		body, _ = json.Marshal(invokeEvent{"INVOKE", e.deadlineMs, e.id, s.arn[0], tracing{"X-Amzn-Trace-Id", e.event.TraceID}})
	}
	w.Header()["Lambda-Extension-Event-Identifier"] = []string{NewRequestID()}
	reply(w, http.StatusOK, contentJSON, body)
}

// serveExtensionError answers POST /extension/init/error and exit/error: the
// extension gives up, and its environment with it.
func (s *session) serveExtensionError(w http.ResponseWriter, r *http.Request, arrival int64, _ string) {
	x := s.identified(w, r)
	if x == nil {
		return
	}
	errorType := r.Header.Get("Lambda-Extension-Function-Error-Type")
	if errorType == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
		return
	}
	to, what := "ExitError", "Extension.ExitError"
	init := strings.HasSuffix(r.URL.Path, "init/error")
	if init {
		to, what = "InitError", "Extension.InitError"
	}
	s.mu.Lock()
	if x.gone || init && x.readyNs != 0 {
		text := transitionText(x.state(), to, "extension "+x.id)
		s.mu.Unlock()
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionState", text)
		return
	}
	x.gone, x.gaveUp = true, what
	f := &fault{errorType: what, text: fmt.Sprintf("extension %s: %s", x.name, errorType)}
	s.mu.Unlock()
	accepted(w)
	// The answer leaves before what it answers ends the process.
	if fl, ok := w.(http.Flusher); ok {
		fl.Flush()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(arrival, f)
	s.noteChange()
}

// state returns Lambda's name of where the extension stands; the mutex is held.
func (x *extension) state() string {
	switch {
	case x.gone:
		return "ExitError"
	case x.running != nil:
		return "Running"
	case x.readyNs != 0:
		return "Ready"
	}
	return "Registered"
}

// transitionText is Lambda's sentence about what a state forbids.
func transitionText(from, to, of string) string {
	return fmt.Sprintf("State transition from %s to %s failed for %s. Error: State transition is not allowed", from, to, of)
}
