package render

import (
	"regexp"
	"strings"
)

// paint adds colours for a terminal; its zero value adds none.
type paint struct{ on bool }

// The sixteen colours that a terminal's own scheme defines, so that they are
// readable on its background.
const (
	ansiBold   = "\x1b[1m"
	ansiRed    = "\x1b[31m"
	ansiGreen  = "\x1b[32m"
	ansiYellow = "\x1b[33m"
	ansiDim    = "\x1b[2m"
	ansiOff    = "\x1b[0m"
)

func (p paint) bold(s string) string {
	if !p.on {
		return s
	}
	return ansiBold + s + ansiOff
}

// verdictWords finds the words of verdicts, and of sentences, that have a colour.
var verdictWords = regexp.MustCompile(`\b(faster|slower|shorter|longer)\b`)

// lines colours finished lines: warnings and alerts with what continues them, the
// rules of tables, and verdicts but in footnotes, which explain the words.
func (p paint) lines(text string) string {
	if !p.on {
		return text
	}
	var b strings.Builder
	mark := byte(0)
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(body, "! "), strings.HasPrefix(body, "- "):
			mark = body[0]
		case !strings.HasPrefix(body, "  "):
			mark = 0
		}
		switch {
		case body == "":
		case mark == '!':
			body = ansiYellow + body + ansiOff
		case mark == '-':
		case strings.HasPrefix(body, "─"):
			body = ansiDim + body + ansiOff
		default:
			body = verdictWords.ReplaceAllStringFunc(body, func(word string) string {
				if word == "faster" || word == "shorter" {
					return ansiGreen + word + ansiOff
				}
				return ansiRed + word + ansiOff
			})
		}
		b.WriteString(body + "\n")
	}
	return b.String()
}
