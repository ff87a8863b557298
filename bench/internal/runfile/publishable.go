package runfile

import (
	"regexp"
	"strings"
)

// server is how the resolver names the machine that it asked.
var server = regexp.MustCompile(` on (\[[0-9a-fA-F:.%a-z]+\]|[0-9.]+):53\b`)

// Publishable takes out of an error's text what a run file must not hold, because it
// is made to be published: the folders of this machine's user, of which dir is the
// working directory and home may be empty, and the address of the name server.
func Publishable(text, dir, home string) string {
	text = strings.ReplaceAll(text, dir+"/", "")
	if len(home) > 1 {
		text = strings.ReplaceAll(text, home+"/", "~/")
	}
	return server.ReplaceAllString(text, "")
}
