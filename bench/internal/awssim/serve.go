package awssim

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Listen listens on loopback, HOST:PORT, and nowhere else: no signature is checked.
func Listen(address string) (net.Listener, error) {
	if err := CheckListen(address); err != nil {
		return nil, fmt.Errorf("listening on %w", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("listening on %q: that is not on loopback here", address), l.Close())
	}
	return l, nil
}

// CheckListen says what is wrong with an address to listen on: HOST:PORT on loopback.
func CheckListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q: want HOST:PORT, 127.0.0.1:4566 say", address)
	}
	if ip := net.ParseIP(host); ip == nil && host != "localhost" || ip != nil && !ip.IsLoopback() {
		return fmt.Errorf("%q: a rehearsal is served on loopback only, 127.0.0.1 say", address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("%q: %q is no port", address, port)
	}
	return nil
}

// Serve answers what comes on a listener, which it owns, until Close.
func (s *Server) Serve(l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), ConnState: s.use.connection}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the rehearsal: %w", err)
	}
	return nil
}
