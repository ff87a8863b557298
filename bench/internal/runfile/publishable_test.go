package runfile

import "testing"

func TestPublishable(t *testing.T) {
	for text, want := range map[string]string{
		"open /home/alice/project/Dockerfile-x: no such file":  "open Dockerfile-x: no such file",
		"open /home/alice/other/Dockerfile: permission denied": "open ~/other/Dockerfile: permission denied",
		"lookup a.example on 10.0.0.53:53: no such host":       "lookup a.example: no such host",
		"lookup a.example on [fe80::1%eth0]:53: no such host":  "lookup a.example: no such host",
		"dial tcp 127.0.0.1:5000: connect: connection refused": "dial tcp 127.0.0.1:5000: connect: connection refused",
	} {
		if got := Publishable(text, "/home/alice/project", "/home/alice"); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
