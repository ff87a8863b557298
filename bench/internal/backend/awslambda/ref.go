package awslambda

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Ref names a deployed function.
type Ref struct {
	// Name is the function's name, without account and region.
	Name string
	// Qualifier is a version or an alias; empty for the function as it stands.
	Qualifier string
}

var (
	functionName = onFirstUse(`^[a-zA-Z0-9_-]{1,140}$`)
	qualifier    = onFirstUse(`^(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9_-]{1,128})$`)
	functionARN  = onFirstUse(`^(arn:aws[a-z-]*:lambda:([a-z0-9-]+):)?(\d{12}:)?function:(.+)$`)
)

// onFirstUse compiles an expression when it is used: at start-up it would slow every command.
func onFirstUse(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// ParseRef reads FUNCTION[:QUALIFIER], or its ARN, which must be in region unless that is empty.
func ParseRef(s, region string) (Ref, error) {
	rest := s
	if m := functionARN().FindStringSubmatch(s); m != nil {
		if m[2] != "" && region != "" && m[2] != region {
			return Ref{}, fmt.Errorf("reading function %q: it is in %s, not in %s", scrub(s), m[2], region)
		}
		rest = m[4]
	}
	name, q, qualified := strings.Cut(rest, ":")
	switch {
	case !functionName().MatchString(name):
		return Ref{}, fmt.Errorf("reading function %q: want FUNCTION or FUNCTION:QUALIFIER, of letters, digits, - and _", scrub(s))
	case qualified && !qualifier().MatchString(q):
		return Ref{}, fmt.Errorf("reading function %q: %q is no version or alias", scrub(s), q)
	}
	if q == "$LATEST" {
		q = ""
	}
	return Ref{name, q}, nil
}

// Home is where a function is by its ARN; empty without one. A Ref has none: calls go to the
// region and the account that bench is connected to.
type Home struct{ Region, Account string }

// HomeOf reads it from what ParseRef has read.
func HomeOf(s string) Home {
	if m := functionARN().FindStringSubmatch(s); m != nil {
		return Home{m[2], strings.TrimSuffix(m[3], ":")}
	}
	return Home{}
}

// String returns FUNCTION[:QUALIFIER].
func (r Ref) String() string {
	if r.Qualifier == "" {
		return r.Name
	}
	return r.Name + ":" + r.Qualifier
}
