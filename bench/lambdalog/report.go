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
