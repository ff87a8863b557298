package runtimeapi

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// listener hands out connections that know their process and when bytes arrived.
type listener struct {
	net.Listener
	server *Server
}

// Accept waits for a connection of the current process and closes others.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, session: l.server.current.Load(), gone: make(chan struct{})}
		if c.session != nil && c.session.adopt(c) {
			return c, nil
		}
		select {
		case l.server.passed <- raw.RemoteAddr().String():
		default:
		}
		_ = raw.Close()
	}
}

// conn reads the clock inside Read and Write, where a request arrives and an event
// leaves: what the server does besides is not the function's time.
type conn struct {
	net.Conn
	session *session
	// readAt is Clock() when the last Read that brought bytes returned.
	readAt atomic.Int64
	// departing is an exchange whose event the next Write carries.
	departing atomic.Pointer[exchange]
	closed    atomic.Bool
	// gone is closed when the connection is.
	gone chan struct{}
}

// Read reads and notes when the bytes arrived.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.readAt.Store(Clock())
	}
	return n, err
}

// Write writes, and notes when the first bytes of an event left.
func (c *conn) Write(p []byte) (int, error) {
	if c.departing.Load() != nil {
		if x := c.departing.Swap(nil); x != nil {
			x.handedOutNs.Store(Clock())
		}
	}
	return c.Conn.Write(p)
}

// CloseWrite lets net/http close in a way that a client still reads its last answer.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Close also tells the session, which may be waiting for the client to go.
func (c *conn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		close(c.gone)
		c.session.release(c)
	}
	return c.Conn.Close()
}

type connKey struct{}

func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}
