package awslambda

import (
	"context"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// client connects to the endpoint.
func connect(t testing.TB, e *awssimtest.Endpoint) *Client {
	t.Helper()
	c, err := Connect(context.Background(), Options{Rehearsal: e.URL, JournalDir: t.TempDir(), Patience: 20 * time.Second, LogPatience: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c.endpoint = "host:1" // one that outlives the bench
	c.clock = &still{now: time.Now()}
	return c
}

// slowUpdates has each update seen in progress so many times.
func slowUpdates(e *awssimtest.Endpoint, polls int) {
	left := 0
	e.Edit = func(op string, _ int, document map[string]any) {
		switch {
		case strings.HasPrefix(op, "UpdateFunction"):
			left = polls
		case op == "GetFunction" && left > 0:
			left--
			awssimtest.Set(document, map[string]any{"LastUpdateStatus": "InProgress"})
		}
	}
}

// failUpdate has the next update of an operation fail, as GetFunction shows it
// until the update after it.
func failUpdate(e *awssimtest.Endpoint, operation string) {
	failed, done := false, false
	e.Edit = func(op string, _ int, document map[string]any) {
		switch {
		case strings.HasPrefix(op, "UpdateFunction"):
			failed = op == operation && !done
			done = done || failed
		case op == "GetFunction" && failed:
			awssimtest.Set(document, map[string]any{"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "the image is gone"})
		}
	}
}

// open takes an inventory of functions and opens them at their own memory size.
func open(t testing.TB, e *awssimtest.Endpoint, c *Client, s Setup, names ...string) (*Session, []coldstart.Target) {
	t.Helper()
	var refs []Ref
	for _, n := range names {
		ref, err := ParseRef(n, "")
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	inventory, err := c.Inventory(context.Background(), refs)
	if err != nil {
		t.Fatal(err)
	}
	k := c.Begin(inventory, s)
	t.Cleanup(func() { k.Close() })
	var targets []coldstart.Target
	for _, ref := range refs {
		if err := inventory.Errors[ref]; err != nil {
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
