package runtimeapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"coldbench/bench/lambdalog"
)

// Invoke hands out one event and waits for the end of the invocation. Whatever
// the function does is in the Invocation; an error is one of the launcher, of
// ctx, ErrClosed, or wraps ErrPayloadTooLarge. After an error of ctx the
// invocation is abandoned and its process is not used again.
func (e *Environment) Invoke(ctx context.Context, ev Event) (Invocation, error) {
	if len(ev.Payload) > MaxPayload {
		return Invocation{}, fmt.Errorf("invoking with %d bytes, the limit being %d: %w", len(ev.Payload), MaxPayload, ErrPayloadTooLarge)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return Invocation{}, ErrClosed
	case ctx.Err() != nil:
		return Invocation{}, ctx.Err()
	case !e.tried:
		return Invocation{}, errors.New("invoking: init was not done")
	}
	id := cmp.Or(ev.RequestID, NewRequestID())
	inv := Invocation{RequestID: id, Status: "success"}
	budget := e.fn.Timeout
	if !e.serving {
		e.discard("failure")
		sctx, cancel := e.scope(ctx)
		o, err := e.begin(sctx, PhaseInvoke, e.fn.Timeout)
		cancel()
		if err != nil {
			return Invocation{}, err
		}
		inv.InitInside, inv.HandedOutNs = true, o.startedNs
		if !o.done() {
			e.readMemory()
			return e.initFailed(inv, o), nil
		}
		budget -= time.Duration(Clock() - o.startedNs)
	}
	inv.Log = e.log(lambdalog.StartLine(id, e.fn.Version))

	x := &exchange{id: id, event: &ev, deadlineMs: deadline(budget), done: make(chan struct{})}
	e.timer.Reset(budget)
	e.sess.hand(x)
	verdict, err := e.await(ctx, x)
	e.timer.Stop()
	if err != nil {
		// Nothing is known of what the process does now.
		e.sess.abandon(x)
		e.serving = false
		return Invocation{}, err
	}
	if !inv.InitInside {
		inv.HandedOutNs = x.handedOutNs.Load()
	}
	e.conclude(&inv, x, verdict)
	return inv, nil
}

// verdict is how the waiting for an invocation ended.
type verdict int

const (
	ended verdict = iota
	exited
	timedOut
)

func (e *Environment) await(ctx context.Context, x *exchange) (verdict, error) {
	v := ended
	select {
	case <-x.done:
		return ended, nil
	case <-e.proc.Done():
		v = exited
		e.settlePosts()
	case <-e.timer.C:
		v = timedOut
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-e.closing.Done():
		return 0, ErrClosed
	}
	at := Clock()
	if !e.sess.abandon(x) {
		return ended, nil
	}
	x.endedNs = max(x.endedNs, at)
	return v, nil
}

// settlePosts waits a little for an answer that the process sent before it ended.
func (e *Environment) settlePosts() {
	limit := time.After(50 * time.Millisecond)
	for {
		e.sess.mu.Lock()
		posts, changed := e.sess.posts, e.sess.change()
		e.sess.mu.Unlock()
		if posts == 0 {
			return
		}
		select {
		case <-changed:
		case <-limit:
			return
		}
	}
}

// conclude says what became of an invocation and discards a process that can't go on.
func (e *Environment) conclude(inv *Invocation, x *exchange, v verdict) {
	inv.EndedNs = max(x.endedNs, inv.HandedOutNs)
	e.readMemory()
	e.sess.mu.Lock()
	inv.Response, inv.ContentType = x.response, x.contentType
	failure, reject, broken := x.failure, x.reject, x.broken
	e.sess.mu.Unlock()

	text := ""
	answered := x.answered && reject == nil
	switch {
	case reject != nil && !(v == exited && reject.errorType == "Runtime.TruncatedResponse"):
		inv.Status, inv.ErrorType, text = "error", reject.errorType, reject.text
	case broken != nil:
		inv.Status, inv.ErrorType, text = "error", broken.errorType, broken.text
	case failure != nil:
		inv.Status, inv.ErrorType = "failure", failure.errorType
	}
	if failure != nil && answered {
		inv.FunctionError, inv.Response = "Unhandled", failure.body
	}
	switch v {
	case exited:
		exit := e.proc.Exit()
		inv.Exit = &exit
		if inv.Status != "error" {
			inv.Status = "error"
			inv.ErrorType, text = exit.describe()
		}
	case timedOut:
		inv.Status, inv.ErrorType = "timeout", "Sandbox.Timedout"
		text = timeoutText(e.fn.Timeout)
		inv.EndedNs = inv.HandedOutNs + int64(e.fn.Timeout)
	}
	if inv.Status != "success" && !answered {
		// The caller has no answer of the function's.
		inv.FunctionError, inv.ContentType = "Unhandled", "application/json"
		inv.Response = errorDocument(inv.RequestID, inv.ErrorType, text)
	}
	inv.Log += e.log(lambdalog.EndLine(inv.RequestID) + e.reportLine(inv, e.initNs))
	e.initNs = nil
	switch {
	case v == timedOut:
		e.discard("timeout")
	case inv.Status == "error":
		if inv.Exit == nil && broken != nil {
			inv.Exit = broken.exit
		}
		if inv.Exit == nil {
			inv.Exit = e.exitOf()
		}
		e.discard("failure")
	}
}

// exitOf returns how the process ended, where it has.
func (e *Environment) exitOf() *Exit {
	select {
	case <-e.proc.Done():
		x := e.proc.Exit()
		return &x
	default:
		return nil
	}
}

// initFailed says what became of an invocation whose init failed.
func (e *Environment) initFailed(inv Invocation, o outcome) Invocation {
	inv.InitFailed, inv.EndedNs, inv.Exit = true, o.endedNs, o.exit
	inv.FunctionError, inv.ContentType = "Unhandled", "application/json"
	inv.Status, inv.ErrorType, inv.Response = o.status, o.errorType, o.body
	status, errorType, reason := o.status, o.errorType, "failure"
	if o.status == "timeout" {
		// AWS's own lines: the INIT_REPORT of an init that ran into the
		// function's timeout says so in these words.
		status, errorType, reason = "error", "Runtime.Unknown", "timeout"
		inv.ErrorType = "Sandbox.Timedout"
		o.text = timeoutText(e.fn.Timeout)
	}
	if len(inv.Response) == 0 {
		inv.Response = errorDocument(inv.RequestID, inv.ErrorType, o.text)
	}
	inv.Log = e.log(initReportLine(o.endedNs-o.startedNs, PhaseInvoke, status, errorType) +
		lambdalog.StartLine(inv.RequestID, e.fn.Version) + lambdalog.EndLine(inv.RequestID) + e.reportLine(&inv, nil))
	e.discard(reason)
	return inv
}

// timeoutText is AWS's sentence for a timeout.
func timeoutText(d time.Duration) string {
	return "Task timed out after " + strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " seconds"
}
