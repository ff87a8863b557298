package lambdalog

import "strconv"

// gap is what stands between two fields.
type gap struct {
	// end is the offset behind it.
	end int
	// tab and newline say that it holds one; done that it begins with a tab and
	// goes on with a line's end, as AWS ends its lines.
	tab, newline, done bool
}

// skip reads the separators at s[at:]. A backslash before t, n or r counts as
// the character it stands for: logs are often quoted once more than unquoted.
func skip(s string, at int) gap {
	g := gap{end: at}
	for g.end < len(s) {
		n, c := separator(s, g.end)
		if n == 0 {
			break
		}
		switch c {
		case '\t':
			g.tab = true
		case '\n':
			g.done = g.done || g.tab && !g.newline
			g.newline = true
		}
		g.end += n
	}
	return g
}

// maxQuoted is the most backslashes before a tab that was quoted four times.
const maxQuoted = 8

// separator returns the length of the separator at s[i:], or 0, and its meaning.
func separator(s string, i int) (n int, c byte) {
	switch s[i] {
	case ' ', '\r':
		return 1, ' '
	case '\t', '\n':
		return 1, s[i]
	case 0xc2: // A no-break space in UTF-8, as copied from web pages.
		if i+1 < len(s) && s[i+1] == 0xa0 {
			return 2, ' '
		}
	case '\\':
		j := i
		for j < len(s) && s[j] == '\\' && j-i < maxQuoted {
			j++
		}
		if j == len(s) {
			return 0, 0
		}
		switch s[j] {
		case 't':
			return j + 1 - i, '\t'
		case 'n':
			return j + 1 - i, '\n'
		case 'r':
			return j + 1 - i, ' '
		}
	}
	return 0, 0
}

// wordEnd returns where the word at s[at:] ends: at a separator, quote or backslash.
func wordEnd(s string, at int) int {
	for at < len(s) {
		switch s[at] {
		case '"', '\\':
			return at
		}
		if n, _ := separator(s, at); n > 0 {
			return at
		}
		at++
	}
	return at
}

// readNumber reads a decimal and its unit. There is no sign and no exponent in
// text, and a number without its unit may be the beginning of a longer one.
func readNumber(s string, at int, k key) (v float64, end int, err error) {
	i := at
	for i < len(s) && digit(s[i]) {
		i++
	}
	if i > at && i+1 < len(s) && s[i] == '.' && digit(s[i+1]) {
		for i++; i < len(s) && digit(s[i]); i++ {
		}
	}
	if i == at {
		return 0, at, syntax(s, at, names[k], ErrNumber)
	}
	unit := skip(s, i).end
	j := unit
	for j < len(s) && (letter(s[j]) || digit(s[j])) {
		j++
	}
	if s[unit:j] != units[k] || j < len(s) && !ends(s, j) {
		err := ErrUnit
		switch {
		case j == len(s) && len(s)-unit < len(units[k]) && s[unit:] == units[k][:len(s)-unit]:
			err = ErrTruncated
		case i == len(s)-1 && s[i] == '.':
			err = ErrTruncated
		case unit == i && i < len(s):
			err = ErrNumber
		}
		return 0, at, syntax(s, at, names[k], err)
	}
	v, perr := strconv.ParseFloat(s[at:i], 64)
	if perr != nil {
		return 0, at, syntax(s, at, names[k], ErrNumber)
	}
	return v, j, nil
}

// ends says whether a unit may end at s[i]: at a separator or a closing character.
func ends(s string, i int) bool {
	switch s[i] {
	case '"', '\'', '`', ',', ';', ')', ']', '}', '<', '>', '|', '\\':
		return true
	}
	n, _ := separator(s, i)
	return n > 0
}

func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
