package runfile

import (
	"errors"
	"strings"
	"testing"
)

func TestReadRefusesEndlessLine(t *testing.T) {
	var at *LineError
	_, err := Read(strings.NewReader(strings.Repeat("x", maxLine+1) + "\n"))
	if !errors.As(err, &at) || at.Line != 1 || !errors.Is(err, ErrNotRun) || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want line 1 to be too long", err)
	}
}
