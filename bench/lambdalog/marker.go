package lambdalog

import (
	"strconv"
	"strings"
)

// lineForm is a kind of line: the word it begins with and how it is read.
type lineForm struct {
	word string
	kind Kind
	read func(s string, at int, l *lineForm) (e Event, end int, ok bool)
	// set are the fields of a report.
	set keySet
	// names are the fields of another line, in their order.
	names []string
}

var lineForms = [...]lineForm{
	{word: "START", kind: KindStart, read: readRequest, names: []string{"START RequestId"}},
	{word: "END", kind: KindEnd, read: readRequest, names: []string{"END RequestId"}},
	{word: "REPORT", kind: KindReport, read: readReport, set: reportKeys},
	{word: "INIT_REPORT", kind: KindInitReport, read: readReport, set: initKeys},
	{word: "RESTORE_REPORT", kind: KindRestoreReport, read: readReport, set: restoreKeys},
	{word: "XRAY", kind: KindXRay, read: readNamed, names: []string{"TraceId", "SegmentId", "Sampled"}},
	{word: "Task timed out after ", kind: KindTimeout, read: readTimeout},
	{word: "INIT_START", kind: KindInitStart, read: readNamed, names: []string{"Runtime Version", "Runtime Version ARN"}},
	{word: "RESTORE_START", kind: KindRestoreStart, read: readNamed, names: []string{"Runtime Version", "Runtime Version ARN"}},
	{word: "EXTENSION", kind: KindExtension, read: readNamed, names: []string{"Name", "State", "Events"}},
	{word: "TELEMETRY", kind: KindTelemetry, read: readNamed, names: []string{"Name", "State", "Types"}},
	{word: "LOGS", kind: KindLogs, read: readNamed, names: []string{"Name", "State", "Types"}},
	{word: "IMAGE", kind: KindImage, read: readNamed, names: []string{"Launch error", "Entrypoint", "Cmd", "WorkingDir"}},
	// The official emulator tells the truth in its own log only.
	{word: "INIT START(", kind: KindInitStart, read: readBracket},
	{word: "INIT RTDONE(", kind: KindInitRuntimeDone, read: readBracket},
	{word: "INVOKE RTDONE(", kind: KindRuntimeDone, read: readBracket},
	{word: "INIT REPORT(", kind: KindInitReport, read: readEmulatorInit},
}

// readLine reads the line of Lambda's that begins at s[at:]; false for none.
func readLine(s string, at int) (e Event, end int, ok bool) {
	for i := range lineForms {
		l := &lineForms[i]
		if s[at] == l.word[0] && strings.HasPrefix(s[at:], l.word) {
			if e, end, ok = l.read(s, at, l); ok {
				return e, end, true
			}
		}
	}
	return Event{}, at, false
}

func readRequest(s string, at int, l *lineForm) (e Event, end int, ok bool) {
	body, ok := matchName(s, at, l.names[0])
	if !ok {
		return e, at, false
	}
	e.Kind = l.kind
	from := skip(s, body).end
	end = wordEnd(s, from)
	if end == len(s) {
		if _, err := wholeWord(s[from:end], keyRequestID); err != nil {
			e.Err = syntax(s, min(from, len(s)), names[keyRequestID], err)
			return e, end, true
		}
	}
	e.RequestID = s[from:end]
	if e.Kind == KindStart {
		next := skip(s, end).end
		if colon, ok := matchName(s, next, "Version"); ok {
			from = skip(s, colon).end
			end = wordEnd(s, from)
			e.Fields = []Field{{Key: "Version", Value: s[from:end]}}
		}
	}
	return e, lineEnd(s, end), true
}

// readNamed reads a line of named fields in a fixed order, of which the first exists.
func readNamed(s string, at int, l *lineForm) (e Event, end int, ok bool) {
	body, keys := at+len(l.word), l.names
	g := skip(s, body)
	colon, ok := matchName(s, g.end, keys[0])
	if !ok || g.end == body {
		return e, at, false
	}
	end = colon
	for end < len(s) {
		if n, c := separator(s, end); n > 0 && c == '\n' {
			break
		}
		end++
	}
	line := s[:end]
	e.Kind = l.kind
	for i := 0; i < len(keys); {
		// The value ends where the next name begins.
		from, to, next, after := colon, end, len(keys), end
	search:
		for p := from; p < end; p++ {
			n, _ := separator(line, p)
			if n == 0 {
				continue
			}
			for j := i + 1; j < len(keys); j++ {
				if c, ok := matchName(line, p+n, keys[j]); ok {
					to, next, after = p, j, c
					break search
				}
			}
		}
		e.Fields = append(e.Fields, Field{Key: keys[i], Value: trim(line[from:to])})
		i, colon = next, after
	}
	return e, lineEnd(s, end), true
}

// readTimeout reads "Task timed out after 3.00 seconds" behind a request id.
func readTimeout(s string, at int, l *lineForm) (e Event, end int, ok bool) {
	body := at + len(l.word)
	end = body
	for end < len(s) && (digit(s[end]) || s[end] == '.') {
		end++
	}
	if !strings.HasPrefix(s[end:], " seconds") || end == body {
		return e, at, false
	}
	e = Event{Kind: KindTimeout, Fields: []Field{{Key: "Timeout", Value: s[body:end] + " seconds"}}}
	if before := strings.Fields(s[max(0, at-64):at]); len(before) > 0 && uuid(before[len(before)-1]) {
		e.RequestID = before[len(before)-1]
	}
	return e, end + len(" seconds"), true
}

// maxBracket is more than the official emulator writes between brackets.
const maxBracket = 512

func readBracket(s string, at int, l *lineForm) (e Event, end int, ok bool) {
	open := at + len(l.word)
	n := strings.IndexAny(s[open:min(len(s), open+maxBracket)], ")\n")
	if n < 0 || s[open+n] == '\n' {
		return e, at, false
	}
	e.Kind = l.kind
	for _, part := range strings.Split(s[open:open+n], ", ") {
		key, value, ok := strings.Cut(part, ": ")
		if !ok {
			continue
		}
		e.Fields = append(e.Fields, Field{Key: key, Value: value})
		if key == "requestId" {
			e.RequestID = value
		}
	}
	return e, open + n + 1, true
}

// readEmulatorInit reads "INIT REPORT(durationMs: 708.189000)".
func readEmulatorInit(s string, at int, l *lineForm) (e Event, end int, ok bool) {
	if e, end, ok = readBracket(s, at, l); !ok {
		return e, at, false
	}
	text, _ := e.Field("durationMs")
	e.Fields = nil
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.Trim(text, "0123456789.") != "" {
		e.Err = syntax(s, at, "durationMs", ErrNumber)
		return e, end, true
	}
	e.InitReport = &InitReport{DurationMs: &v}
	return e, end, true
}
