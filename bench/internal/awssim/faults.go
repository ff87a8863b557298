package awssim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Faults are what goes wrong, each at a rate from 0 to 1.
type Faults struct {
	// Of all calls: 429, 500, a connection reset before or after the call is done.
	Throttle, Error, Reset float64
	// Of all calls: credentials that have expired, or may not.
	Expired, Denied float64
	// Of updates: 2 to 8 s; one more invocation by an older environment; an environment
	// initialized before it is asked for, in an update of 1.5 s.
	Slow, Stale, Ahead float64
	// Of invocations: no log tail; output behind REPORT that fills the tail; log events
	// 3 to 8 s late.
	NoLog, Cut, Late float64
	// Of invocations: 409 as in an update, 502 for the network, 502 for a key.
	Conflict, ENI, KMS float64
}

// ParseFaults reads rates as in "throttle=0.05,error=0.02", by the fields of Faults in lower
// case. An empty text is no fault.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	v := reflect.ValueOf(&f).Elem()
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, rate, ok := strings.Cut(part, "=")
		field := v.FieldByNameFunc(func(n string) bool { return strings.ToLower(n) == strings.TrimSpace(name) })
		if !ok || !field.IsValid() {
			var names []string
			for f := range v.Type().Fields() {
				names = append(names, strings.ToLower(f.Name))
			}
			return Faults{}, fmt.Errorf("reading fault %q: want NAME=RATE with a name of %s", part, strings.Join(names, ", "))
		}
		r, err := strconv.ParseFloat(strings.TrimSpace(rate), 64)
		if err != nil || !(r >= 0 && r <= 1) {
			return Faults{}, fmt.Errorf("reading fault %q: a rate is from 0 to 1", part)
		}
		field.SetFloat(r)
	}
	return f, nil
}

// rng draws what happens to one call. It is a function of the seed, the
// operation, the function's name and which call of that operation it is: calls
// of other functions in between change nothing.
type rng struct{ *rand.Rand }

func newRNG(seed uint64, operation, name string, n int) rng {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", operation, name, n)
	return rng{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// strikes always draws, so that one rate does not change what becomes of another.
func (r rng) strikes(rate float64) bool { return r.Float64() < rate }

func (r rng) between(from, to time.Duration) time.Duration {
	return from + time.Duration(r.Float64()*float64(to-from))
}

type injectedFault struct {
	throttle, failure, reset, after, expired, denied, slow, noLog, cut, late, conflict, eni, kms, stale, ahead bool
	// slowly is how long a slow update takes, lately how late a late event is.
	slowly, lately time.Duration
}

func (f Faults) draw(r rng) injectedFault {
	return injectedFault{
		throttle: r.strikes(f.Throttle), failure: r.strikes(f.Error), reset: r.strikes(f.Reset), after: r.strikes(0.5),
		expired: r.strikes(f.Expired), denied: r.strikes(f.Denied), slow: r.strikes(f.Slow),
		noLog: r.strikes(f.NoLog), cut: r.strikes(f.Cut), late: r.strikes(f.Late),
		conflict: r.strikes(f.Conflict), eni: r.strikes(f.ENI), kms: r.strikes(f.KMS),
		slowly: r.between(2*time.Second, 8*time.Second), lately: r.between(3*time.Second, 8*time.Second),
		stale: r.strikes(f.Stale), ahead: r.strikes(f.Ahead),
	}
}

// refuse answers a call in the endpoint's place, where that is what was drawn.
func (f injectedFault) refuse(operation string) (reply, string) {
	invoke := operation == "Invoke"
	switch {
	case f.expired:
		return refusal(403, "ExpiredTokenException", "The security token included in the request is expired"), "expired"
	case f.denied:
		return refusal(403, "AccessDeniedException", "User: arn:aws:sts::"+Account+":assumed-role/rehearsal/bench is not authorized to perform: "+operation), "denied"
	case f.throttle && invoke:
		return throttled("ConcurrentInvocationLimitExceeded"), "throttle"
	case f.throttle:
		return throttled("CallerRateLimitExceeded"), "throttle"
	case f.failure:
		return refusal(500, "ServiceException", "An error occurred and the request cannot be processed."), "error"
	case invoke && f.conflict:
		return refusal(409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress"), "conflict"
	case invoke && f.eni:
		return refusal(502, "ENILimitReachedException", "Lambda was not able to create an elastic network interface in the VPC"), "eni"
	case invoke && f.kms:
		return refusal(502, "KMSDisabledException", "Lambda was unable to decrypt the environment variables because the KMS key used is disabled"), "kms"
	}
	return reply{}, ""
}
