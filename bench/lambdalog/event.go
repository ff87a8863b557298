package lambdalog

// Kind says what a line tells of.
type Kind string

// The kinds. A JSON event without a text line has the name behind "platform.".
const (
	KindReport          Kind = "report"
	KindInitReport      Kind = "initReport"
	KindRestoreReport   Kind = "restoreReport"
	KindStart           Kind = "start"
	KindEnd             Kind = "end"
	KindInitStart       Kind = "initStart"
	KindInitRuntimeDone Kind = "initRuntimeDone"
	KindRestoreStart    Kind = "restoreStart"
	KindRuntimeDone     Kind = "runtimeDone"
	// KindExtension, KindTelemetry and KindLogs are about extensions.
	KindExtension Kind = "extension"
	KindTelemetry Kind = "telemetrySubscription"
	KindLogs      Kind = "logsSubscription"
	// KindImage is the line about an image that can't be launched.
	KindImage Kind = "image"
	// KindTimeout is the old line "Task timed out after 3.00 seconds".
	KindTimeout Kind = "timeout"
	// KindXRay is an XRAY line whose REPORT is not in front of it.
	KindXRay Kind = "xray"
)

// Event is a line or a JSON event that Lambda wrote.
type Event struct {
	Kind Kind
	// Time is exactly as written: a JSON event's, or the timestamp in front of the
	// line; empty for none.
	Time string
	// Stream is the log stream, or the service of docker compose, in front of the
	// line; empty for none.
	Stream string
	// RequestID is empty for lines that name no request.
	RequestID string
	// Report, InitReport and RestoreReport are set for their kinds if Err is nil.
	Report        *Report
	InitReport    *InitReport
	RestoreReport *RestoreReport
	// Fields holds what events of other kinds say: "Version" of a start, or the
	// members of a JSON event's record.
	Fields []Field
	// Raw is the text of the event itself. It parses to the same event.
	Raw string
	// Line is where it begins, from 1; 0 outside of a Scanner.
	Line int
	// Err is the *SyntaxError of a line that can't be read. Its kind is known, and
	// its request id if that comes before the error.
	Err error
}

// Field returns the value of the first field of that name; false for none.
func (e Event) Field(key string) (string, bool) {
	for _, f := range e.Fields {
		if f.Key == key {
			return f.Value, true
		}
	}
	return "", false
}
