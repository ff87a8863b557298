package main

// The few functions of strings and strconv that are needed, without what these
// packages bring along.

// decimal writes n, which is not negative.
func decimal(n int64) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n <= 0 {
			return string(b[i:])
		}
	}
}

// number reads up to nine decimal digits.
func number(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// cut returns what follows prefix.
func cut(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return "", false
	}
	return s[len(prefix):], true
}

// join puts slashes, which no file name has, between names.
func join(names []string) string {
	all := ""
	for i, name := range names {
		if i > 0 {
			all += "/"
		}
		all += name
	}
	return all
}

// index returns the first place of the one-byte string sep, or -1.
func index(s, sep string) int {
	for i := 0; i < len(s); i++ {
		if s[i] == sep[0] {
			return i
		}
	}
	return -1
}
