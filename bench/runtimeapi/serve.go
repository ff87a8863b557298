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

// handler answers a request. id is that of the invocation, empty on other paths.
type handler func(s *session, w http.ResponseWriter, r *http.Request, arrival int64, id string)

// routes are the paths of the API; that of an invocation is what follows its ID.
var routes = map[string]struct {
	method string
	serve  handler
}{
	runtimePrefix + "invocation/next": {http.MethodGet, (*session).serveNext},
	"response":                        {http.MethodPost, (*session).serveResponse},
	"error":                           {http.MethodPost, (*session).serveError},
	runtimePrefix + "init/error":      {http.MethodPost, (*session).serveInitError},
	extensionPrefix + "register":      {http.MethodPost, (*session).serveRegister},
	extensionPrefix + "event/next":    {http.MethodGet, (*session).serveEvent},
	extensionPrefix + "init/error":    {http.MethodPost, (*session).serveExtensionError},
	extensionPrefix + "exit/error":    {http.MethodPost, (*session).serveExtensionError},
	"/2018-06-01/ping":                {http.MethodGet, (*session).servePing},
	"/2020-08-15/logs":                {http.MethodPut, notSupported("Logs")},
	"/2022-07-01/telemetry":           {http.MethodPut, notSupported("Telemetry")},
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := connOf(r)
	// Nothing before this line may take time: the arrival that counts is read
	// off the connection, and a body read overwrites it.
	arrival := c.readAt.Load()
	id, what := "", r.URL.Path
	if rest, ok := strings.CutPrefix(what, runtimePrefix+"invocation/"); ok && rest != "next" {
		id, what, _ = strings.Cut(rest, "/")
	}
	route, ok := routes[what]
	switch {
	case !ok:
		reply(w, http.StatusNotFound, contentText, []byte("404 page not found\n"))
	case route.method != r.Method:
		h := w.Header()
		h["Allow"] = []string{route.method}
		h["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		route.serve(c.session, w, r, arrival, id)
	}
}

func (*session) servePing(w http.ResponseWriter, _ *http.Request, _ int64, _ string) {
	reply(w, http.StatusOK, contentText, []byte("pong"))
}

// notSupported accepts a subscription and says that nothing will come, as AWS's emulator
// does. An extension that insists on events sees why it gets none.
func notSupported(api string) handler {
	return func(_ *session, w http.ResponseWriter, _ *http.Request, _ int64, _ string) {
		refuse(w, http.StatusAccepted, api+".NotSupported", api+" API is not supported")
	}
}

func accepted(w http.ResponseWriter) { reply(w, http.StatusAccepted, contentJSON, bodyOK) }

// refuse answers with Lambda's error document, its keys in Lambda's order.
func refuse(w http.ResponseWriter, status int, errorType, message string) {
	body, _ := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
	reply(w, status, contentJSON, append(body, '\n'))
}

// reply writes an answer of known length, so that header and body leave in one write.
func reply(w http.ResponseWriter, status int, contentType []string, body []byte) {
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
