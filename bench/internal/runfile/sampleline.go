package runfile

import (
	"bytes"
	"strconv"
	"unsafe"

	"coldbench/bench/internal/coldstart"
)

// sampleLine reads the record of a sample as Writer writes it: without blanks
// and without any field twice or null, ASCII, and escaped in the report alone.
// Any other record is left to encoding/json, which reads this one to the same
// sample in some ten times the time.
type sampleLine struct {
	b  []byte
	at int
	// bare leaves out what a sample has beside its numbers: RequestID, Raw, and
	// Function but for the process's age.
	bare bool
	in   *interner
	// numbers holds the numbers of the sample where bare: they are overwritten
	// by the next one's.
	numbers [16]float64
	used    int
	// said is the sample's Function where bare.
	said coldstart.Function
}

// read reads a record into s, which it leaves in any state where it returns
// false.
func (l *sampleLine) read(line []byte, s *coldstart.Sample) bool {
	l.b, l.at, l.used = line, 0, 0
	*s = coldstart.Sample{}
	return l.object(func(key string) (bit uint, ok bool) {
		switch key {
		case "type":
			v, ok := l.plain()
			return 0, ok && string(v) == typeSample
		case "variant":
			return 1, l.word(&s.Config.Variant)
		case "memorySizeMB":
			return 2, l.integer(&s.Config.MemoryMB)
		case "arch":
			return 3, l.word(&s.Config.Arch)
		case "round":
			return 4, l.integer(&s.Round)
		case "seq":
			return 5, l.integer(&s.Seq)
		case "environment":
			return 6, l.again(&s.Environment, &l.in.environment)
		case "invocation":
			return 7, l.integer(&s.Invocation)
		case "attempt":
			return 8, l.integer(&s.Attempt)
		case "at":
			v, ok := l.plain()
			return 9, ok && s.At.UnmarshalText(v) == nil
		case "start":
			return 10, l.word((*string)(&s.Start))
		case "class":
			return 11, l.word((*string)(&s.Class))
		case "strategy":
			return 12, l.word(&s.Strategy)
		case "proof":
			return 13, l.proof(&s.Proof)
		case "requestId":
			v, ok := l.plain()
			if ok && !l.bare {
				s.RequestID = string(v)
			}
			return 14, ok
		case "metrics":
			return 15, l.object(func(key string) (uint, bool) { return l.metric(key, &s.Metrics) })
		case "phases":
			return 16, l.object(func(key string) (uint, bool) { return l.phase(key, &s.Phases) })
		case "function":
			f := &l.said
			if !l.bare {
				f = new(coldstart.Function)
			}
			*f = coldstart.Function{}
			s.Function = f
			return 17, l.object(func(key string) (uint, bool) { return l.function(key, f) })
		case "throttledMs":
			return 18, l.number(&s.ThrottledMs)
		case "report":
			return 19, l.text(&s.Raw)
		case "deployment":
			d := new(coldstart.Deployment)
			s.Deployment = d
			return 20, l.object(func(key string) (uint, bool) { return l.deployment(key, d) })
		}
		return 0, false
	}) && l.at == len(l.b)
}

func (l *sampleLine) metric(key string, m *coldstart.Metrics) (bit uint, ok bool) {
	switch key {
	case "initDurationMs":
		return 0, l.number(&m.InitDurationMs)
	case "durationMs":
		return 1, l.number(&m.DurationMs)
	case "billedDurationMs":
		return 2, l.number(&m.BilledDurationMs)
	case "restoreDurationMs":
		return 3, l.number(&m.RestoreDurationMs)
	case "billedRestoreDurationMs":
		return 4, l.number(&m.BilledRestoreDurationMs)
	case "memorySizeMB":
		return 5, l.number(&m.MemorySizeMB)
	case "maxMemoryUsedMB":
		return 6, l.number(&m.MaxMemoryUsedMB)
	}
	return 0, false
}

func (l *sampleLine) phase(key string, p *coldstart.Phases) (bit uint, ok bool) {
	switch key {
	case "provisionMs":
		return 0, l.number(&p.ProvisionMs)
	case "clientMs":
		return 1, l.number(&p.ClientMs)
	case "processStartMs":
		return 2, l.number(&p.ProcessStartMs)
	case "extensionsMs":
		return 3, l.number(&p.ExtensionsMs)
	}
	return 0, false
}

func (l *sampleLine) function(key string, f *coldstart.Function) (bit uint, ok bool) {
	switch key {
	case "instanceId":
		if l.bare {
			_, ok := l.plain()
			return 0, ok
		}
		return 0, l.again(&f.InstanceID, &l.in.instance)
	case "invocation":
		n := 0
		ok := l.integer(&n)
		if !l.bare {
			f.Invocation = n
		}
		return 1, ok
	case "processUptimeMs":
		return 2, l.number(&f.ProcessUptimeMs)
	case "startedAtNs":
		var n int
		ok := l.integer(&n)
		if ok && !l.bare {
			f.StartedAtNs = new(int64)
			*f.StartedAtNs = int64(n)
		}
		return 3, ok
	}
	return 0, false
}

func (l *sampleLine) deployment(key string, d *coldstart.Deployment) (bit uint, ok bool) {
	switch key {
	case "number":
		return 0, l.integer(&d.Number)
	case "position":
		return 1, l.integer(&d.Position)
	case "again":
		return 2, l.truth(&d.Again)
	}
	return 0, false
}

// object calls field for each key, which has to read the value and returns a
// number of the key's own; a key that comes twice is refused.
func (l *sampleLine) object(field func(key string) (bit uint, ok bool)) bool {
	if !l.byte('{') {
		return false
	}
	if l.byte('}') {
		return true
	}
	for seen := uint32(0); ; {
		key, ok := l.plain()
		if !ok || !l.byte(':') {
			return false
		}
		bit, ok := field(unsafe.String(unsafe.SliceData(key), len(key)))
		if !ok || seen&(1<<bit) != 0 {
			return false
		}
		seen |= 1 << bit
		if l.byte('}') {
			return true
		}
		if !l.byte(',') {
			return false
		}
	}
}

// byte takes the next byte if it is c.
func (l *sampleLine) byte(c byte) bool {
	if l.at < len(l.b) && l.b[l.at] == c {
		l.at++
		return true
	}
	return false
}

// plain takes a string that is printable ASCII without escapes.
func (l *sampleLine) plain() ([]byte, bool) {
	if !l.byte('"') {
		return nil, false
	}
	for i := l.at; i < len(l.b); i++ {
		switch c := l.b[i]; {
		case c == '"':
			s := l.b[l.at:i]
			l.at = i + 1
			return s, true
		case c == '\\' || c < ' ' || c >= 0x7f:
			return nil, false
		}
	}
	return nil, false
}

// word takes a string that is among a run's few.
func (l *sampleLine) word(to *string) bool {
	v, ok := l.plain()
	if have, known := l.in.words[string(v)]; known {
		*to = have
	} else {
		*to = l.in.word(string(v))
	}
	return ok
}

// again takes a string that is often the same as before.
func (l *sampleLine) again(to, before *string) bool {
	v, ok := l.plain()
	if string(v) != *before {
		*before = string(v)
	}
	*to = *before
	return ok
}

// proof takes an array of words; the same array is the same slice again.
func (l *sampleLine) proof(to *[]string) bool {
	if !l.byte('[') {
		return false
	}
	begin := l.at
	end := bytes.IndexByte(l.b[begin:], ']')
	if end < 0 {
		return false
	}
	key := l.b[begin : begin+end]
	if have, ok := l.in.lists[string(key)]; ok {
		*to, l.at = have, begin+end+1
		return true
	}
	list := []string{}
	for !l.byte(']') {
		if len(list) > 0 && !l.byte(',') {
			return false
		}
		var w string
		if !l.word(&w) {
			return false
		}
		list = append(list, w)
	}
	if whole := l.at == begin+end+1; whole && len(l.in.lists) < 64 {
		l.in.lists[string(key)] = list
	}
	*to = list
	return true
}

// digits takes the bytes of a number, by JSON's grammar. whole is false where
// it has a fraction or an exponent.
func (l *sampleLine) digits() (number []byte, whole, ok bool) {
	begin := l.at
	l.byte('-')
	some := func() bool {
		from := l.at
		for l.at < len(l.b) && l.b[l.at]-'0' <= 9 {
			l.at++
		}
		return l.at > from
	}
	if !l.byte('0') && !some() {
		return nil, false, false
	}
	whole = true
	if l.byte('.') {
		if whole = false; !some() {
			return nil, false, false
		}
	}
	if l.byte('e') || l.byte('E') {
		whole = false
		if !l.byte('+') {
			l.byte('-')
		}
		if !some() {
			return nil, false, false
		}
	}
	return l.b[begin:l.at], whole, true
}

func (l *sampleLine) integer(to *int) bool {
	d, whole, ok := l.digits()
	if !ok || !whole {
		return false
	}
	n, err := strconv.Atoi(unsafe.String(unsafe.SliceData(d), len(d)))
	*to = n
	return err == nil
}

func (l *sampleLine) number(to **float64) bool {
	d, _, ok := l.digits()
	if !ok {
		return false
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(d), len(d)), 64)
	if err != nil {
		return false
	}
	if l.bare && l.used < len(l.numbers) {
		*to = &l.numbers[l.used]
		l.used++
	} else {
		*to = new(float64)
	}
	**to = v
	return true
}

func (l *sampleLine) truth(to *bool) bool {
	rest := l.b[l.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("true")):
		*to, l.at = true, l.at+len("true")
		return true
	case bytes.HasPrefix(rest, []byte("false")):
		l.at += len("false")
		return true
	}
	return false
}

// text takes a string with JSON's one-letter escapes.
func (l *sampleLine) text(to *string) bool {
	if !l.byte('"') {
		return false
	}
	var s []byte
	from := l.at
	for l.at < len(l.b) {
		c := l.b[l.at]
		l.at++
		switch {
		case c == '"':
			if !l.bare {
				*to = string(append(s, l.b[from:l.at-1]...))
			}
			return true
		case c < ' ' || c >= 0x7f:
			return false
		case c == '\\':
			if l.at == len(l.b) {
				return false
			}
			var v byte
			switch e := l.b[l.at]; e {
			case 't':
				v = '\t'
			case 'n':
				v = '\n'
			case 'r':
				v = '\r'
			case '"', '\\', '/':
				v = e
			default:
				return false
			}
			if !l.bare {
				s = append(append(s, l.b[from:l.at-1]...), v)
			}
			l.at++
			from = l.at
		}
	}
	return false
}
