package lambdalog

// Metrics are the numbers of a REPORT line or a platform.report event under AWS's
// names: finite, not negative, durations in milliseconds, sizes in MiB; nil is one
// that the line lacks.
type Metrics struct {
	InitDurationMs          *float64 `json:"initDurationMs,omitempty"`
	DurationMs              *float64 `json:"durationMs,omitempty"`
	BilledDurationMs        *float64 `json:"billedDurationMs,omitempty"`
	RestoreDurationMs       *float64 `json:"restoreDurationMs,omitempty"`
	BilledRestoreDurationMs *float64 `json:"billedRestoreDurationMs,omitempty"`
	MemorySizeMB            *float64 `json:"memorySizeMB,omitempty"`
	MaxMemoryUsedMB         *float64 `json:"maxMemoryUsedMB,omitempty"`
}

// Report is a REPORT line or a platform.report event.
type Report struct {
	// RequestID is the invocation's. Retries of an asynchronous one share it.
	RequestID string
	Metrics   Metrics
	// Status is "success" (only in JSON), "failure", "error" or "timeout"; empty if
	// the line says nothing, which is no proof of success.
	Status string
	// ErrorType is AWS's word for the error, such as "Runtime.ExitError".
	ErrorType string
	// XRay is nil where the invocation was not traced.
	XRay *XRay
	// Time is a JSON event's, exactly as written; empty for text lines.
	Time string
	// Extra holds the unknown fields in their order: those of the record or text
	// line, of its metrics, and around the record.
	Extra []Field
}

// Cold says whether the line proves a cold start: it holds an Init Duration, be it
// 0.00 ms, or a Restore Duration. False is no proof of a warm one: an init that is
// done again inside the invocation has no Init Duration.
func (r Report) Cold() bool {
	return r.Metrics.InitDurationMs != nil || r.Metrics.RestoreDurationMs != nil
}

// XRay is the XRAY line under a REPORT, or the tracing member of an event.
type XRay struct {
	// TraceID is "1-8hex-24hex", the Root of a trace header.
	TraceID string
	// SegmentID is 16 hex digits, the Parent of a trace header; empty if missing.
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
	// Literal is true if Value is the JSON text of something other than a string.
	Literal bool
}

// InitReport is an INIT_REPORT line or a platform.initReport event: of an init that
// failed or took too long, and of SnapStart and provisioned concurrency.
type InitReport struct {
	// DurationMs is how long init took; nil if missing.
	DurationMs *float64
	// Phase is "init", "invoke" for an init done again inside an invocation, or
	// "snap-start"; empty if missing.
	Phase string
	// Status and ErrorType are as in Report.
	Status, ErrorType string
	// InitializationType is "on-demand", "provisioned-concurrency" or "snap-start"; in JSON only.
	InitializationType string
	// Time and Extra are as in Report.
	Time  string
	Extra []Field
}

// RestoreReport is a RESTORE_REPORT line or a platform.restoreReport event, of a
// SnapStart snapshot.
type RestoreReport struct {
	// DurationMs is how long the restore took; nil if missing.
	DurationMs *float64
	// Status and ErrorType are as in Report.
	Status, ErrorType string
	// Time and Extra are as in Report.
	Time  string
	Extra []Field
}
