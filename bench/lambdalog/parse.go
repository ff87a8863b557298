package lambdalog

// ParseReport reads the first REPORT line or platform.report event of text. In
// front of it there may be anything, such as a timestamp; what follows it is
// not read.
//
// The error wraps ErrNoEvent where there is none, and is a *SyntaxError where
// there is one that can't be read. The Report is then the zero value.
func ParseReport(text string) (Report, error) {
	e, err := first(text, KindReport)
	if err != nil {
		return Report{}, err
	}
	return *e.Report, nil
}

// ParseInitReport reads the first INIT_REPORT line or platform.initReport event
// of text; see ParseReport.
func ParseInitReport(text string) (InitReport, error) {
	e, err := first(text, KindInitReport)
	if err != nil {
		return InitReport{}, err
	}
	return *e.InitReport, nil
}

// ParseRestoreReport reads the first RESTORE_REPORT line or
// platform.restoreReport event of text; see ParseReport.
func ParseRestoreReport(text string) (RestoreReport, error) {
	e, err := first(text, KindRestoreReport)
	if err != nil {
		return RestoreReport{}, err
	}
	return *e.RestoreReport, nil
}

// Parse reads the first line or event of any kind in text. The error is as that
// of ParseReport.
func Parse(text string) (Event, error) {
	return first(text, "")
}

func first(text string, want Kind) (Event, error) {
	var found Event
	ok := false
	walk(text, func(e Event, _, _ int) bool {
		if want == "" || e.Kind == want {
			found, ok = e, true
		}
		return !ok
	})
	switch {
	case !ok:
		return Event{}, ErrNoEvent
	case found.Err != nil:
		return Event{}, found.Err
	}
	return found, nil
}

// readReport reads the fields of a REPORT at s[at:].
func readReport(s string, at int) (r Report, end int, err error) {
	var f fields
	end, err = f.read(s, at, reportKeys)
	r = Report{
		RequestID: f.text[keyRequestID],
		Metrics: Metrics{
			InitDurationMs:          f.get(keyInit),
			DurationMs:              f.get(keyDuration),
			BilledDurationMs:        f.get(keyBilled),
			RestoreDurationMs:       f.get(keyRestore),
			BilledRestoreDurationMs: f.get(keyBilledRestore),
			MemorySizeMB:            f.get(keyMemory),
			MaxMemoryUsedMB:         f.get(keyMaxMemory),
		},
		Status:    f.text[keyStatus],
		ErrorType: f.text[keyErrorType],
		Extra:     f.extra,
	}
	if f.seen.has(keyTraceID) {
		r.XRay = &XRay{TraceID: f.text[keyTraceID], SegmentID: f.text[keySegmentID]}
		if f.seen.has(keySampled) {
			v := f.text[keySampled] == "true"
			r.XRay.Sampled = &v
		}
	}
	if err == nil && f.seen == 0 {
		err = syntax(s, at, "REPORT", ErrTruncated)
	}
	return r, end, err
}

func readInit(s string, at int) (r InitReport, end int, err error) {
	var f fields
	end, err = f.read(s, at, initKeys)
	if err == nil && f.seen == 0 {
		err = syntax(s, at, "INIT_REPORT", ErrTruncated)
	}
	return InitReport{
		DurationMs: f.get(keyInit), Phase: f.text[keyPhase],
		Status: f.text[keyStatus], ErrorType: f.text[keyErrorType], Extra: f.extra,
	}, end, err
}

func readRestore(s string, at int) (r RestoreReport, end int, err error) {
	var f fields
	end, err = f.read(s, at, restoreKeys)
	if err == nil && f.seen == 0 {
		err = syntax(s, at, "RESTORE_REPORT", ErrTruncated)
	}
	return RestoreReport{
		DurationMs: f.get(keyRestore),
		Status:     f.text[keyStatus], ErrorType: f.text[keyErrorType], Extra: f.extra,
	}, end, err
}
