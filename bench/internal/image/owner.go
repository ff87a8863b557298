package image

import (
	"fmt"
	"strconv"
	"strings"
)

// owner reads the value of --chown: names are looked up in the image; a user's
// name alone brings the user's own group, a number alone the same number, as
// in BuildKit.
func owner(chown string, accounts map[string]string) (uid, gid int, err error) {
	if chown == "" {
		return 0, 0, nil
	}
	user, group, hasGroup := strings.Cut(chown, ":")
	if uid, gid, err = account(user, accounts["etc/passwd"], "user"); err != nil {
		return 0, 0, err
	}
	if hasGroup && group != "" {
		gid, _, err = account(group, accounts["etc/group"], "group")
	}
	return uid, gid, err
}

// account returns the number of a user or group, and for a user that of its group.
func account(name, file, what string) (number, next int, err error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), int(n), nil
	}
	for _, line := range strings.Split(file, "\n") {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 4 || fields[0] != name {
			continue
		}
		n, err := strconv.ParseUint(fields[2], 10, 31)
		if err != nil {
			return 0, 0, fmt.Errorf("the number of %s %q in the image: %w", what, name, err)
		}
		if what == "user" {
			g, err := strconv.ParseUint(fields[3], 10, 31)
			if err != nil {
				return 0, 0, fmt.Errorf("the group of %s %q in the image: %w", what, name, err)
			}
			next = int(g)
		}
		return int(n), next, nil
	}
	return 0, 0, fmt.Errorf("the image has no %s %q", what, name)
}
