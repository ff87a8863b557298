package render

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"coldbench/bench/internal/analysis"
)

// Text writes the report for a terminal: of each run the headline, the
// comparison and the footnotes, and where the rest is.
func Text(w io.Writer, r *analysis.Report) error { return writeText(w, r, paint{}) }

// Coloured writes what Text writes, with colours for a terminal that has them.
func Coloured(w io.Writer, r *analysis.Report) error { return writeText(w, r, paint{on: true}) }

func writeText(w io.Writer, r *analysis.Report, p paint) error {
	var b bytes.Buffer
	for _, d := range disagreements(r) {
		wrap(&b, "! ", plain(d))
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	for i := range r.Sections {
		if i > 0 {
			b.WriteString("\n\n")
		}
		if err := textSection(&b, &r.Sections[i], p); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func textSection(out *bytes.Buffer, s *analysis.Section, p paint) error {
	out.WriteString(p.bold(plain(s.Heading)) + "\n")
	// Colours are added to finished lines, so that they change no width.
	b := &bytes.Buffer{}
	defer func() { out.WriteString(p.lines(b.String())) }()
	wrap(b, "", plain(s.Caption))
	for _, a := range s.Alerts {
		wrap(b, "! ", plain(a))
	}
	comparison := comparisonGrid(s)
	comparison.without("p90 against before") // a terminal is only so wide
	whole, notes := differences(s)
	whole.without("p")
	tables := []*grid{headlineGrid(s), comparison, curveGrid(s), whole, sparkGrid(s), costGrid(s)}
	if s.Since != nil {
		tables = append(tables, changeGrid(s.Since), driftGrid(s.Since))
	}
	images := imageGrid(s)
	images.without("compressed", "digest")
	for _, g := range append(tables, images) {
		if err := g.text(b); err != nil {
			return err
		}
	}
	b.WriteString("\n")
	for _, u := range s.Unavailable {
		wrap(b, "! ", plain("not measured: "+u.Variant+": "+u.Error))
		if u.Hint != "" {
			wrap(b, "  ", plain("hint: "+u.Hint))
		}
	}
	for _, p := range s.Problems {
		text := fmt.Sprintf("%s: %d x %s, %s", p.Column, p.Count, p.Kind, p.Reason)
		if p.Example != "" {
			text += ", the last one: " + p.Example
		}
		wrap(b, "! ", plain(text))
	}
	for _, t := range s.Warnings {
		wrap(b, "! ", plain("warning: "+t))
	}
	for _, t := range s.Notes {
		wrap(b, "- ", plain(t))
	}
	if len(whole.rows) > 0 {
		wrap(b, "- ", strings.Join(append([]string{differenceNote}, notes[len(differenceNotes):]...), " "))
	}
	if note := costNote(s); note != "" {
		wrap(b, "- ", plain(note))
	}
	if s.Since != nil {
		wrap(b, "- ", plain("Since the previous run, "+s.Since.Base+":"))
		for _, t := range slices.Concat(s.Since.Warnings, comparisonNotes(s.Since)) {
			wrap(b, "  ", plain(t))
		}
	}
	if verdicts := sentences(s); len(verdicts) > 0 {
		b.WriteString("\n")
		for _, t := range verdicts {
			wrap(b, "", plain(t.Text))
		}
	}
	for i, name := range s.Files() {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "run file: %s\n", plain(name))
	}
	return nil
}

// plain is a text on one line without markup and control characters.
func plain(s string) string {
	return printable(strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "`", ""))
}

// wrap writes a paragraph in lines of at most 100 characters, indented by its mark.
func wrap(b *bytes.Buffer, mark, text string) {
	const width = 100
	indent := strings.Repeat(" ", len(mark))
	line := mark
	empty := true
	for _, word := range words(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line + "\n")
}

// words splits a text where a line may end: not before a unit or beside a "=".
func words(text string) []string {
	var list []string
	for _, w := range strings.Fields(text) {
		bare := strings.TrimRight(w, ".,;:)")
		if n := len(list); n > 0 && (slices.Contains([]string{"%", "ms", "s", "MB", "="}, bare) || strings.HasSuffix(list[n-1], " =")) {
			list[n-1] += " " + w
			continue
		}
		list = append(list, w)
	}
	return list
}

// paint adds colours for a terminal; its zero value adds none.
type paint struct{ on bool }

// The colours of a terminal's own scheme are readable on its background.
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
