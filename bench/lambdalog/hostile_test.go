package lambdalog_test

import (
	"strings"
	"testing"

	"coldbench/bench/lambdalog"
)

// A log is written by strangers. Each of these would take minutes if any part of
// it were read again and again.
func TestHostileLogs(t *testing.T) {
	const size = 1<<17 - 64
	for name, unit := range map[string]string{
		"open objects":        `{"a":`,
		"open strings":        `{"`,
		"open doubled":        `{""a`,
		"open arrays":         `[{`,
		"object lines":        "{\n",
		"object lines, long":  `{"k": "` + strings.Repeat("v", 100) + `",` + "\n",
		"quoted objects":      `"{\"a\":`,
		"many events":         `{"type":"platform.start","record":{}}`,
		"many members":        `"k":1,`,
		"backslashes":         `\`,
		"an XRAY line":        `XRAY TraceId:\`,
		"names":               "LOGS ",
		"names with values":   "LOGS Name: ",
		"brackets":            "INIT START(",
		"half reports":        "REPORT RequestId: ",
		"reports":             "REPORT RequestId: a Duration: 1 ms ",
		"reports, lines":      "REPORT RequestId: a Duration: 1 ms Billed\n",
		"unknown fields":      "REPORT Duration: 1 ms x: Max Memory ",
		"half keys":           "REPORT Duration: 1 ms Max\tMemory\t",
		"starts":              "START RequestId: ",
		"blanks":              "REPORT               ",
		"timeouts":            "Task timed out after 1",
		"the words' initials": "RISETLX",
	} {
		text := strings.Repeat(unit, size/len(unit))
		if name == "many members" {
			text = `{"type":"platform.report","record":{` + text + `"requestId":"a"}}`
		}
		for _, text := range []string{text, "REPORT Duration: 1.00 ms\t" + text, "EXTENSION Name: " + text, `{"message":"` + text} {
			_, _ = lambdalog.ParseReport(text)
			_, _ = lambdalog.Parse(text)
			_, _, _ = lambdalog.FindReport(text, "a")
		}
	}
}
