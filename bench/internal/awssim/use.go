package awssim

import (
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// How long a client that is connected may be silent and still count as one: for
// longer while it has changed a function, because clients wait between the calls
// that restore it.
const (
	silent         = 2 * time.Second
	silentChanging = 5 * time.Second
)

// use knows the clients of an endpoint.
type use struct {
	mu          sync.Mutex
	connections map[net.Conn]bool
	last        time.Time
}

func (u *use) connection(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch state {
	case http.StateNew:
		if u.connections == nil {
			u.connections = map[net.Conn]bool{}
		}
		u.connections[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(u.connections, c)
	}
}

func (u *use) call() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = time.Now()
}

// InUse reports whether a client is connected that called a moment ago.
func (s *Server) InUse() bool {
	patience := silent
	if s.Changed() {
		patience = silentChanging
	}
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	return len(s.use.connections) > 0 && time.Since(s.use.last) < patience
}

// Changed reports whether a function differs from its deployment.
func (s *Server) Changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.functions {
		d, now := f.deployed, f.latest.cfg
		if f.latest.update != nil || len(f.published) > 0 || now.memoryMB != d.memoryMB || now.codeSHA256 != d.codeSHA256 || !maps.Equal(now.variables, d.variables) {
			return true
		}
	}
	return false
}
