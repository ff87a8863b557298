package lambdalog

// key is a field name that this package knows.
type key uint8

const (
	keyNone key = iota
	keyDuration
	keyBilled
	keyMemory
	keyMaxMemory
	keyInit
	keyRestore
	keyBilledRestore
	keyRequestID
	keyStatus
	keyErrorType
	keyPhase
	keyTraceID
	keySegmentID
	keySampled
	keyInitType // only in JSON
	keyEnd
)

// numbers is the last key with a number; those come first, in AWS's order.
const numbers = keyBilledRestore

// names are the keys as AWS's text form writes them, units what follows the
// number, and jsonNames the keys as its JSON form writes them.
var (
	names = [keyEnd]string{
		keyDuration:      "Duration",
		keyBilled:        "Billed Duration",
		keyMemory:        "Memory Size",
		keyMaxMemory:     "Max Memory Used",
		keyInit:          "Init Duration",
		keyRestore:       "Restore Duration",
		keyBilledRestore: "Billed Restore Duration",
		keyRequestID:     "RequestId",
		keyStatus:        "Status",
		keyErrorType:     "Error Type",
		keyPhase:         "Phase",
		keyTraceID:       "XRAY TraceId",
		keySegmentID:     "SegmentId",
		keySampled:       "Sampled",
	}
	units = [keyEnd]string{
		keyDuration: "ms", keyBilled: "ms", keyInit: "ms", keyRestore: "ms", keyBilledRestore: "ms",
		keyMemory: "MB", keyMaxMemory: "MB",
	}
	jsonNames = [keyEnd]string{
		keyDuration:      "durationMs",
		keyBilled:        "billedDurationMs",
		keyMemory:        "memorySizeMB",
		keyMaxMemory:     "maxMemoryUsedMB",
		keyInit:          "initDurationMs",
		keyRestore:       "restoreDurationMs",
		keyBilledRestore: "billedRestoreDurationMs",
		keyRequestID:     "requestId",
		keyStatus:        "status",
		keyErrorType:     "errorType",
		keyPhase:         "phase",
		keyInitType:      "initializationType",
	}
)

type keySet uint32

func (s keySet) has(k key) bool { return s>>k&1 == 1 }

// The keys of each kind of line; a name from outside its set is an extra field.
const (
	allKeys     keySet = 1<<keyInitType - 2
	numberKeys  keySet = 1<<(numbers+1) - 2
	reportKeys         = allKeys &^ (1 << keyPhase)
	initKeys    keySet = 1<<keyInit | 1<<keyPhase | 1<<keyStatus | 1<<keyErrorType
	restoreKeys keySet = 1<<keyRestore | 1<<keyStatus | 1<<keyErrorType
	otherKeys   keySet = 1 << keyRequestID
)

func keysOf(kind Kind) keySet {
	switch kind {
	case KindReport:
		return reportKeys
	case KindInitReport:
		return initKeys | 1<<keyInitType
	case KindRestoreReport:
		return restoreKeys
	}
	return otherKeys
}

// matchKey returns the key of the set whose name and colon stand at s[at:], and
// the offset behind the colon; keyNone where none does. The caller sees to it
// that a field may begin there: "Duration:" is also the end of longer names.
func matchKey(s string, at int, set keySet) (key, int) {
	if at >= len(s) || s[at] < 'B' || s[at] > 'X' {
		return keyNone, at
	}
	for k := keyDuration; k <= keySampled; k++ {
		if names[k][0] != s[at] || !set.has(k) {
			continue
		}
		if end, whole := matchName(s, at, names[k]); whole {
			return k, end
		}
	}
	return keyNone, at
}

// cutKey says whether s ends at or behind at, within a key of the set.
func cutKey(s string, at int, set keySet) bool {
	for k := keyDuration; k <= keySampled; k++ {
		if !set.has(k) {
			continue
		}
		if end, whole := matchName(s, at, names[k]); !whole && end == len(s) {
			return true
		}
	}
	return false
}

// matchName matches name and a colon, separators standing for a blank.
func matchName(s string, at int, name string) (end int, whole bool) {
	for j := 0; j < len(name); j++ {
		if name[j] == ' ' {
			g := skip(s, at)
			if g.end == at {
				return at, false
			}
			at = g.end
			continue
		}
		if at >= len(s) || s[at] != name[j] {
			return at, false
		}
		at++
	}
	if at >= len(s) || s[at] != ':' {
		return at, false
	}
	return at + 1, true
}
