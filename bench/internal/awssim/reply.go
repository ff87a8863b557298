package awssim

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// reply is an answer, complete before the first byte of it is sent: header and
// body then go out together. A client that is given the header first may close
// its request's body while it is still being sent.
type reply struct {
	status int
	header map[string]string
	body   []byte
	// code is the error's, for logs; empty where there is none.
	code    string
	outcome outcome
}

type outcome int

const (
	noInvocation outcome = iota
	wasServed
	wasRefused
)

// Error is the code of an answer that is an error.
func (r reply) Error() string { return r.code }

// refused returns the answer that an error is, or makes one.
func refused(err error) reply {
	if r, ok := err.(reply); ok {
		return r
	}
	return refusal(400, "InvalidParameterValueException", err.Error())
}

func jsonOf(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func answer(status int, v any) reply {
	return reply{status: status, header: map[string]string{"Content-Type": "application/json"}, body: jsonOf(v)}
}

// refusal is an error as Lambda's REST interface sends it.
func refusal(status int, code, message string) reply {
	kind := "User"
	if status >= 500 {
		kind = "Service"
	}
	r := answer(status, map[string]string{"Type": kind, "Message": message, "message": message})
	r.header["X-Amzn-Errortype"], r.code = code, code
	return r
}

func refusalf(status int, code, format string, args ...any) reply {
	return refusal(status, code, fmt.Sprintf(format, args...))
}

// complaint is a sentence of AWS's about a request, in AWS's own style.
type complaint string

// Error returns the sentence.
func (c complaint) Error() string { return string(c) }

func complain(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

func throttled(reason string) reply {
	const code = "TooManyRequestsException"
	r := answer(http.StatusTooManyRequests, map[string]string{"Type": "User", "Reason": reason, "message": "Rate Exceeded."})
	r.header["X-Amzn-Errortype"], r.header["Retry-After"], r.code = code, "1", code
	return r
}

func (s *Server) missing(name, qualifier string) reply {
	return refusal(404, "ResourceNotFoundException", "Function not found: "+s.arn(name, qualifier))
}

func logsRefusal(code, message string) reply {
	r := answer(400, map[string]string{"__type": code, "message": message})
	r.header["Content-Type"], r.code = "application/x-amz-json-1.1", code
	return r
}

func (r reply) send(w http.ResponseWriter, requestID string) {
	h := w.Header()
	h.Set(Header, Mark)
	h.Set("X-Amzn-Requestid", requestID)
	for k, v := range r.header {
		h.Set(k, v)
	}
	if r.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
}

// breakOff ends a connection without an answer.
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // what net/http has for it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, not an end
	}
	_ = conn.Close()
}
