package advice

import (
	"errors"
	"fmt"
	"testing"
)

func TestHintIsTheOutermost(t *testing.T) {
	cause := errors.New("exit status 2")
	hinted := fmt.Errorf("opening: %w", Hint(cause, "make build"))
	if HintOf(hinted) != "make build" || !errors.Is(hinted, cause) || hinted.Error() != "opening: exit status 2" {
		t.Errorf("hinted: %v, %q", hinted, HintOf(hinted))
	}
	if HintOf(Hint(hinted, "first")) != "first" || HintOf(cause) != "" || HintOf(nil) != "" || Hint(nil, "x") != nil {
		t.Error("hints are mixed up")
	}
}
