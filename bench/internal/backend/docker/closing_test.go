package docker

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// An engine that removes nothing is not waited for when Closing has ended: why,
// and what to do about the container, is in the error.
func TestRemovalEndsWithClosing(t *testing.T) {
	hurry := errors.New("the user is in a hurry")
	for name, answer := range map[string]http.HandlerFunc{"no answer": hangs, "no removal": says(204, nil)} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			e, err := Connect(t.Context(), Options{Closing: ctx})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			f.on("DELETE /containers/0123456789abcdef", func(w http.ResponseWriter, r *http.Request) {
				go cancel(hurry)
				answer(w, r)
			})
			err = e.remove("0123456789abcdef", &removal{done: make(chan struct{})})
			if !errors.Is(err, hurry) || !strings.Contains(err.Error(), "docker rm -f 0123456789ab)") {
				t.Errorf("%v", err)
			}
		})
	}
}
