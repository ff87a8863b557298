package lambdalog

import (
	"strconv"
	"strings"
)

// readLine reads the line of Lambda's that begins at s[at:]; ok is false where
// none does.
func readLine(s string, at int) (e Event, end int, ok bool) {
	rest := s[at:]
	switch s[at] {
	case 'R':
		if body, ok := opens(s, at, "REPORT", reportKeys); ok {
			r, end, err := readReport(s, body)
			e := Event{Kind: KindReport, RequestID: r.RequestID, Err: err}
			if err == nil {
				e.Report = &r
			}
			return e, end, true
		}
		if body, ok := opens(s, at, "RESTORE_REPORT", restoreKeys); ok {
			r, end, err := readRestore(s, body)
			e := Event{Kind: KindRestoreReport, Err: err}
			if err == nil {
				e.RestoreReport = &r
			}
			return e, end, true
		}
		if strings.HasPrefix(rest, "RESTORE_START") {
			return named(s, at, at+len("RESTORE_START"), KindRestoreStart, "Runtime Version", "Runtime Version ARN")
		}
	case 'I':
		return readInitLine(s, at)
	case 'S':
		if body, ok := matchName(s, at, "START RequestId"); ok {
			return request(s, at, body, KindStart)
		}
	case 'E':
		if body, ok := matchName(s, at, "END RequestId"); ok {
			return request(s, at, body, KindEnd)
		}
		if strings.HasPrefix(rest, "EXTENSION") {
			return named(s, at, at+len("EXTENSION"), KindExtension, "Name", "State", "Events")
		}
	case 'T':
		if strings.HasPrefix(rest, "TELEMETRY") {
			return named(s, at, at+len("TELEMETRY"), KindTelemetry, "Name", "State", "Types")
		}
		const timedOut = "Task timed out after "
		if strings.HasPrefix(rest, timedOut) {
			return timeout(s, at, at+len(timedOut))
		}
	case 'L':
		if strings.HasPrefix(rest, "LOGS") {
			return named(s, at, at+len("LOGS"), KindLogs, "Name", "State", "Types")
		}
	case 'X':
		if strings.HasPrefix(rest, "XRAY") {
			return named(s, at, at+len("XRAY"), KindXRay, "TraceId", "SegmentId", "Sampled")
		}
	}
	return Event{}, at, false
}

func readInitLine(s string, at int) (e Event, end int, ok bool) {
	if body, ok := opens(s, at, "INIT_REPORT", initKeys); ok {
		r, end, err := readInit(s, body)
		e := Event{Kind: KindInitReport, Err: err}
		if err == nil {
			e.InitReport = &r
		}
		return e, end, true
	}
	rest := s[at:]
	switch {
	case strings.HasPrefix(rest, "INIT_START"):
		return named(s, at, at+len("INIT_START"), KindInitStart, "Runtime Version", "Runtime Version ARN")
	case strings.HasPrefix(rest, "IMAGE"):
		return named(s, at, at+len("IMAGE"), KindImage, "Launch error", "Entrypoint", "Cmd", "WorkingDir")
	// The official emulator tells the truth in its own log only.
	case strings.HasPrefix(rest, "INIT START("):
		return bracket(s, at, KindInitStart)
	case strings.HasPrefix(rest, "INIT RTDONE("):
		return bracket(s, at, KindInitRuntimeDone)
	case strings.HasPrefix(rest, "INVOKE RTDONE("):
		return bracket(s, at, KindRuntimeDone)
	case strings.HasPrefix(rest, "INIT REPORT("):
		return emulatorInit(s, at)
	}
	return e, at, false
}

// opens says whether the word stands at s[at:] with a known field behind it,
// and where that begins.
func opens(s string, at int, first string, set keySet) (body int, ok bool) {
	if !strings.HasPrefix(s[at:], first) {
		return at, false
	}
	body = at + len(first)
	g := skip(s, body)
	if g.end == body {
		return at, false
	}
	k, _ := matchKey(s, g.end, set)
	return body, k != keyNone
}

// request reads a START or END line behind its colon.
func request(s string, at, body int, kind Kind) (e Event, end int, ok bool) {
	e.Kind = kind
	from := skip(s, body).end
	end = word(s, from)
	if end == len(s) {
		if _, err := wholeWord(s[from:end], keyRequestID); err != nil {
			e.Err = syntax(s, min(from, len(s)), names[keyRequestID], err)
			return e, end, true
		}
	}
	e.RequestID = s[from:end]
	if kind == KindStart {
		next := skip(s, end).end
		if colon, ok := matchName(s, next, "Version"); ok {
			from = skip(s, colon).end
			end = word(s, from)
			e.Fields = []Field{{Key: "Version", Value: s[from:end]}}
		}
	}
	return e, lineEnd(s, end), true
}

// named reads a line whose fields have these names in this order; the first
// one must be there.
func named(s string, at, body int, kind Kind, keys ...string) (e Event, end int, ok bool) {
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
	e.Kind = kind
	i := 0
	for i < len(keys) {
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
		e.Fields = append(e.Fields, Field{Key: keys[i], Value: trimAll(line[from:to])})
		i, colon = next, after
	}
	return e, lineEnd(s, end), true
}

// trimAll takes separators of every kind off both ends.
func trimAll(s string) string {
	s = s[skip(s, 0).end:]
	return strings.TrimRight(s, " \t\r\n")
}

// timeout reads "Task timed out after 3.00 seconds" with the request id in
// front of it.
func timeout(s string, at, body int) (e Event, end int, ok bool) {
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

// bracket reads "NAME(key: value, key: value)".
func bracket(s string, at int, kind Kind) (e Event, end int, ok bool) {
	open := at + strings.IndexByte(s[at:], '(')
	n := strings.IndexAny(s[open:min(len(s), open+maxBracket)], ")\n")
	if n < 0 || s[open+n] == '\n' {
		return e, at, false
	}
	e.Kind = kind
	for _, part := range strings.Split(s[open+1:open+n], ", ") {
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

// emulatorInit reads the official emulator's "INIT REPORT(durationMs: 708.189000)".
func emulatorInit(s string, at int) (e Event, end int, ok bool) {
	e, end, ok = bracket(s, at, KindInitReport)
	if !ok {
		return e, at, false
	}
	text, _ := e.Field("durationMs")
	e.Fields = nil
	for i := 0; i < len(text); i++ {
		if !digit(text[i]) && text[i] != '.' {
			text = ""
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		e.Err = syntax(s, at, "durationMs", ErrNumber)
		return e, end, true
	}
	e.InitReport = &InitReport{DurationMs: &v}
	return e, end, true
}
