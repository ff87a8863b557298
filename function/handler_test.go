package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func newTestHandler(t *testing.T, token string, uptime func() (time.Duration, bool)) *handler {
	t.Helper()
	h, err := newHandler(token, 123456789, uptime)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func tenMinutes() (time.Duration, bool) { return 10 * time.Minute, true }

func unknown() (time.Duration, bool) { return 0, false }

func TestAnswer(t *testing.T) {
	h := newTestHandler(t, "token-1", tenMinutes)
	b, err := h.Invoke(context.Background(), []byte(`{"name":"you"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"message":"hello, you","instanceId":"` + h.instanceID + `","invocation":1,"token":"token-1","processUptimeMs":600000,"startedAtNs":123456789}`
	if string(b) != want {
		t.Errorf("answer\n%s\nwant\n%s", b, want)
	}
}

func TestUnknownUptimeIsAbsent(t *testing.T) {
	b, err := newTestHandler(t, "", unknown).Invoke(context.Background(), []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if v, ok := got["processUptimeMs"]; ok {
		t.Errorf("processUptimeMs is %v, want none", v)
	}
	if v, ok := got["token"]; !ok || v != "" {
		t.Errorf("token is %v, want an empty one", v)
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct{ event, message string }{
		{`{}`, "hello, world"},
		{`null`, "hello, world"},
		{` {"name":""} `, "hello, world"},
		{`{"name":null}`, "hello, world"},
		{`{"name":"Zoë <b>","other":[1]}`, "hello, Zoë <b>"},
	} {
		b, err := newTestHandler(t, "", unknown).Invoke(context.Background(), []byte(c.event))
		if err != nil {
			t.Errorf("%s: %v", c.event, err)
			continue
		}
		var a answer
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
		if a.Message != c.message {
			t.Errorf("%s: message %q, want %q", c.event, a.Message, c.message)
		}
	}
}

func TestBadEventsAreTypedErrorsAndCount(t *testing.T) {
	h := newTestHandler(t, "", unknown)
	bad := []string{``, ` `, `{`, `"you"`, `[]`, `7`, `{"name":7}`, `{} {}`, "{\"name\":\"a\nb\"}", strings.Repeat("[", 100000)}
	for _, e := range bad {
		b, err := h.Invoke(context.Background(), []byte(e))
		var typed *EventError
		if !errors.As(err, &typed) || b != nil {
			t.Errorf("%.20q: %q and %v, want an *EventError", e, b, err)
		} else if !strings.HasPrefix(err.Error(), "reading the event: ") {
			t.Errorf("%.20q: error %q does not say what failed", e, err)
		}
	}
	b, err := h.Invoke(context.Background(), []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatal(err)
	}
	if want := int64(len(bad) + 1); a.Invocation != want {
		t.Errorf("invocation %d after %d bad events, want %d", a.Invocation, len(bad), want)
	}
}

func TestEveryEnvironmentHasItsOwnInstanceID(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		id := newTestHandler(t, "", unknown).instanceID
		if len(id) != 32 || seen[id] {
			t.Fatalf("instance ID %q, want 32 digits not seen before", id)
		}
		seen[id] = true
	}
}
