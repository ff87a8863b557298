package awslambda

import (
	"context"
	"testing"
	"time"

	"coldbench/bench/internal/backend/awslambda/awstest"
	"coldbench/bench/internal/coldstart"
)

// client connects to the endpoint.
func connect(t testing.TB, e *awstest.Endpoint) *Client {
	t.Helper()
	c, err := Connect(context.Background(), Options{Rehearsal: e.URL, JournalDir: t.TempDir(), Patience: 20 * time.Second, LogPatience: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c.endpoint = "host:1" // one that outlives the bench
	return c
}

// open surveys and opens functions at their own memory size.
func open(t testing.TB, e *awstest.Endpoint, c *Client, s Setup, names ...string) (*Session, []coldstart.Target) {
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
