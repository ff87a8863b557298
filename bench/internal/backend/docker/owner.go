package docker

import (
	"fmt"
	"strconv"
	"strings"
)

// owner names a bench process, for labels. host is a digest; empty if it can't be told.
type owner struct {
	host, pid, started string
}

// String is what parseOwner reads.
func (o owner) String() string { return o.host + ":" + o.pid + ":" + o.started }

func parseOwner(s string) (owner, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return owner{}, fmt.Errorf("owner %q: want HOST:PID:START", s)
	}
	if _, err := strconv.Atoi(parts[1]); err != nil {
		return owner{}, fmt.Errorf("owner %q: %w", s, err)
	}
	return owner{parts[0], parts[1], parts[2]}, nil
}
