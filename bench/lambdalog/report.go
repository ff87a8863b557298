package lambdalog

// Metrics are the numbers of a REPORT line or of a platform.report event under
// the names that AWS gives them there. A nil pointer is a value that the line
// does not hold; a value that is there is finite and not negative. Durations
// are in milliseconds, sizes in MiB.
type Metrics struct {
	InitDurationMs          *float64 `json:"initDurationMs,omitempty"`
	DurationMs              *float64 `json:"durationMs,omitempty"`
	BilledDurationMs        *float64 `json:"billedDurationMs,omitempty"`
	RestoreDurationMs       *float64 `json:"restoreDurationMs,omitempty"`
	BilledRestoreDurationMs *float64 `json:"billedRestoreDurationMs,omitempty"`
	MemorySizeMB            *float64 `json:"memorySizeMB,omitempty"`
	MaxMemoryUsedMB         *float64 `json:"maxMemoryUsedMB,omitempty"`
}

// Report is a REPORT line or a platform.report event: what Lambda says of one
// invocation when it is over.
type Report struct {
	// RequestID is the invocation's request id. Retries of an asynchronous
	// invocation share one.
	RequestID string
	Metrics   Metrics
	// Status is empty where the line says nothing, which is not a proof of
	// success: older lines have no status. Else "success", "failure", "error"
	// or "timeout". AWS's text form never says "success", its JSON form does.
	Status string
	// ErrorType is AWS's word for the error, such as "Runtime.ExitError".
	ErrorType string
	// XRay is nil where the invocation was not traced.
	XRay *XRay
	// Time is the time of a JSON event exactly as written there; text lines
	// have none of their own.
	Time string
	// Extra holds the fields that this package has no name for, in their order:
	// those of the record or text line, then those of its metrics, then those
	// around the record.
	Extra []Field
}

// Cold says whether the line proves a cold start: it holds an Init Duration,
// be it 0.00 ms, or a Restore Duration. False is no proof of a warm one: an
// init that failed or took longer than its limit is done again inside the
// invocation, and its REPORT has no Init Duration.
func (r Report) Cold() bool {
	return r.Metrics.InitDurationMs != nil || r.Metrics.RestoreDurationMs != nil
}

// XRay is the XRAY line under a REPORT, or the tracing member of an event.
type XRay struct {
	// TraceID is "1-8hex-24hex", the Root of a trace header.
	TraceID string
	// SegmentID is 16 hex digits, the Parent of a trace header; empty where it
	// is missing.
	SegmentID string
	// Sampled is nil where the line does not say.
	Sampled *bool
	// SpanID is only in the JSON form.
	SpanID string
}

// Place says where in a JSON event a field was found.
type Place string

// The places of a field. Text lines have only the first.
const (
	InRecord  Place = ""
	InMetrics Place = "metrics"
	InEvent   Place = "event"
)

// Field is a name and a value that this package does not interpret.
type Field struct {
	Key, Value string
	// In is where a JSON event has it.
	In Place
	// Literal is true where Value is the JSON text of something other than a
	// string.
	Literal bool
}

// InitReport is an INIT_REPORT line or a platform.initReport event. Lambda
// prints the line for an init that failed or took too long, and always with
// SnapStart and provisioned concurrency. It names no request.
type InitReport struct {
	// DurationMs is how long init took, in milliseconds; nil where missing.
	DurationMs *float64
	// Phase is "init", or "invoke" for an init done again inside an
	// invocation, or "snap-start"; empty where missing.
	Phase string
	// Status and ErrorType are as in Report.
	Status, ErrorType string
	// InitializationType is only in the JSON form: "on-demand",
	// "provisioned-concurrency" or "snap-start".
	InitializationType string
	// Time and Extra are as in Report.
	Time  string
	Extra []Field
}

// RestoreReport is a RESTORE_REPORT line or a platform.restoreReport event: how
// the restore of a SnapStart snapshot went. It names no request.
type RestoreReport struct {
	// DurationMs is how long the restore took, in milliseconds; nil where
	// missing.
	DurationMs *float64
	// Status and ErrorType are as in Report.
	Status, ErrorType string
	// Time and Extra are as in Report.
	Time  string
	Extra []Field
}
