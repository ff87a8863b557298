package cli

import (
	"regexp"
	"strings"
)

// server is how the resolver names the machine that it asked.
var server = regexp.MustCompile(` on (\[[0-9a-fA-F:.%a-z]+\]|[0-9.]+):53\b`)

// publishable takes out of an error's text what a run file must not hold,
// because it is made to be published: the folders of this machine's user, and
// the address of the name server.
func (a *app) publishable(text string) string {
	text = strings.ReplaceAll(text, a.Dir+"/", "")
	if home := a.getenv("HOME"); len(home) > 1 {
		text = strings.ReplaceAll(text, home+"/", "~/")
	}
	return server.ReplaceAllString(text, "")
}
