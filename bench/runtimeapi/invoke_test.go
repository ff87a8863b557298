package runtimeapi

import (
	"regexp"
	"testing"
)

func TestColdThenWarm(t *testing.T) {
	l := &toy{run: echo}
	e := ready(t, Function{}, l)
	cold := invoke(t, e, `{"n":1}`)
	if string(cold.Response) != `{"n":1}` || cold.Status != "success" || cold.FunctionError != "" {
		t.Fatalf("cold: %+v", cold)
	}
	want := `^START RequestId: ` + cold.RequestID + ` Version: \$LATEST\nEND RequestId: ` + cold.RequestID +
		`\nREPORT RequestId: ` + cold.RequestID + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\tInit Duration: \d+\.\d\d ms\t\n$`
	if !regexp.MustCompile(want).MatchString(cold.Log) {
		t.Errorf("cold log %q", cold.Log)
	}
	warm := invoke(t, e, `{"n":2}`)
	if string(warm.Response) != `{"n":2}` || warm.EndedNs < warm.HandedOutNs || warm.HandedOutNs < cold.EndedNs {
		t.Errorf("warm: %+v after %+v", warm, cold)
	}
	if regexp.MustCompile(`Init`).MatchString(warm.Log) {
		t.Errorf("warm log %q", warm.Log)
	}
}
