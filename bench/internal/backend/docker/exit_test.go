package docker

import (
	"testing"

	"coldbench/bench/runtimeapi"
)

func TestExitOf(t *testing.T) {
	for code, want := range map[int]runtimeapi.Exit{
		0: {}, 1: {Code: 1}, 126: {Code: 126}, 128: {Code: 128}, 137: {Code: 137, Signal: 9}, 139: {Code: 139, Signal: 11}, 255: {Code: 255},
	} {
		if got := exitOf(code); got != want {
			t.Errorf("%d: %+v, want %+v", code, got, want)
		}
	}
}
