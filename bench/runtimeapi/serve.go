package runtimeapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// The values of headers that every answer carries, made once: net/http only
// reads them.
var (
	contentJSON = []string{"application/json"}
	contentText = []string{"text/plain; charset=utf-8"}
	bodyOK      = []byte("{\"status\":\"OK\"}\n")
)

const (
	runtimePrefix   = "/2018-06-01/runtime/"
	extensionPrefix = "/2020-01-01/extension/"
)

// serve is the handler of every request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn) // withConn put it there
	// Nothing before this line may take time: the arrival that counts is read
	// off the connection, and a body read overwrites it.
	arrival := c.readAt.Load()
	p := c.session
	path := r.URL.Path
	id, what := "", path
	if rest, ok := strings.CutPrefix(path, runtimePrefix+"invocation/"); ok && rest != "next" {
		id, what, _ = strings.Cut(rest, "/")
	}
	switch what {
	case runtimePrefix + "invocation/next":
		if method(w, r, http.MethodGet) {
			p.serveNext(w, r, c, arrival)
		}
	case "response":
		if method(w, r, http.MethodPost) {
			p.serveResponse(w, r, id)
		}
	case "error":
		if method(w, r, http.MethodPost) {
			p.serveError(w, r, id)
		}
	case runtimePrefix + "init/error":
		if method(w, r, http.MethodPost) {
			p.serveInitError(w, r, arrival)
		}
	case extensionPrefix + "register":
		if method(w, r, http.MethodPost) {
			p.serveRegister(w, r, arrival)
		}
	case extensionPrefix + "event/next":
		if method(w, r, http.MethodGet) {
			p.serveEvent(w, r, arrival)
		}
	case extensionPrefix + "init/error", extensionPrefix + "exit/error":
		if method(w, r, http.MethodPost) {
			p.serveExtensionError(w, r, arrival, strings.HasSuffix(path, "init/error"))
		}
	case "/2018-06-01/ping":
		if method(w, r, http.MethodGet) {
			reply(w, http.StatusOK, contentText, []byte("pong"))
		}
	case "/2020-08-15/logs":
		if method(w, r, http.MethodPut) {
			serveSubscription(w, "Logs")
		}
	case "/2022-07-01/telemetry":
		if method(w, r, http.MethodPut) {
			serveSubscription(w, "Telemetry")
		}
	default:
		reply(w, http.StatusNotFound, contentText, []byte("404 page not found\n"))
	}
}

// serveSubscription answers a subscription to logs or telemetry as AWS's own
// emulator does where it delivers none: accepted, with a body that says that
// nothing will come. An extension that insists on events sees why it gets none,
// one that does not is not brought down.
func serveSubscription(w http.ResponseWriter, api string) {
	refuse(w, http.StatusAccepted, api+".NotSupported", api+" API is not supported")
}

// method refuses every other method with 405, without a body.
func method(w http.ResponseWriter, r *http.Request, want string) bool {
	if r.Method == want {
		return true
	}
	h := w.Header()
	h["Allow"] = []string{want}
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusMethodNotAllowed)
	return false
}

// accepted is the answer to a post that was taken.
func accepted(w http.ResponseWriter) { reply(w, http.StatusAccepted, contentJSON, bodyOK) }

// refuse answers with Lambda's error document, its keys in Lambda's order.
func refuse(w http.ResponseWriter, status int, errorType, message string) {
	body, _ := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
	reply(w, status, contentJSON, append(body, '\n'))
}

// reply writes an answer whose length is known, so that header and body leave
// in one write where they fit.
func reply(w http.ResponseWriter, status int, contentType []string, body []byte) {
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
