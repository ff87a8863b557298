package backendtest

import (
	"strings"
	"sync"
)

type logged struct {
	mu    sync.Mutex
	lines []string
	// want is closed when a line that holds word has come.
	word string
	want chan struct{}
}

func (l *logged) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	if l.want != nil && strings.Contains(line, l.word) {
		close(l.want)
		l.want = nil
	}
}

// await returns a channel that is closed when a line that holds word comes.
func (l *logged) await(word string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.word, l.want = word, make(chan struct{})
	return l.want
}

// find returns what follows word in the first line that holds it.
func (l *logged) find(word string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if _, rest, ok := strings.Cut(line, word); ok {
			return rest, true
		}
	}
	return "", false
}
