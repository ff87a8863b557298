package awssim

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxPageEvents = 10_000
	maxPageBytes  = 1 << 20
)

// cursor is where a page of FilterLogEvents ended: behind the event of that time
// and number. An event that shows up later and is of an earlier time is missed,
// as on AWS.
type cursor struct {
	// Question names what was asked for: a token of another question is refused.
	Question string
	AtMs     int64
	Seq      int64
}

func (c cursor) token() string {
	return base64.RawURLEncoding.EncodeToString(jsonOf(c))
}

type filterRequest struct {
	LogGroupName        string   `json:"logGroupName"`
	LogGroupIdentifier  string   `json:"logGroupIdentifier"`
	LogStreamNames      []string `json:"logStreamNames"`
	LogStreamNamePrefix string   `json:"logStreamNamePrefix"`
	StartTime           *int64   `json:"startTime"`
	EndTime             *int64   `json:"endTime"`
	FilterPattern       string   `json:"filterPattern"`
	Limit               int      `json:"limit"`
	NextToken           string   `json:"nextToken"`
}

// filterLogEvents answers a page. The first page of every question is empty and
// yet not the last: a client that stops at an empty page is wrong on AWS, too.
func (s *Server) filterLogEvents(in filterRequest) (any, error) {
	match, err := patternOf(in.FilterPattern)
	switch {
	case err != nil:
		return nil, logsRefusal("InvalidParameterException", err.Error())
	case len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "":
		return nil, logsRefusal("InvalidParameterException", "logStreamNames and logStreamNamePrefix exclude one another")
	case in.Limit < 0 || in.Limit > maxPageEvents:
		return nil, logsRefusal("InvalidParameterException", "1 validation error detected: Value at 'limit' failed to satisfy constraint")
	}
	in.Limit = cmp.Or(in.Limit, maxPageEvents)
	group := cmp.Or(in.LogGroupIdentifier, in.LogGroupName)
	if _, name, ok := strings.Cut(in.LogGroupIdentifier, ":log-group:"); ok {
		group = name
	}
	l, now := s.logs, s.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[group]
	if g == nil {
		return nil, logsRefusal("ResourceNotFoundException", "The specified log group does not exist.")
	}
	for _, name := range in.LogStreamNames {
		if !g.streams[name] {
			return nil, logsRefusal("ResourceNotFoundException", "The specified log stream does not exist.")
		}
	}
	question := in
	question.Limit, question.NextToken = 0, ""
	at := cursor{Question: string(jsonOf(question)), AtMs: -1, Seq: -1}
	if in.NextToken == "" {
		return logsPage(nil, at.token()), nil
	}
	text, err := base64.RawURLEncoding.DecodeString(in.NextToken)
	var from cursor
	if err != nil || json.Unmarshal(text, &from) != nil || from.Question != at.Question {
		return nil, logsRefusal("InvalidParameterException", "The specified nextToken is invalid.")
	}
	events, next := g.page(in, from, match, now, s.o.PageScan)
	return logsPage(events, next), nil
}

// page looks at the events behind a cursor, at no more than scan of them.
func (g *logGroup) page(in filterRequest, from cursor, match func(string) bool, now time.Time, scan int) ([]filteredEvent, string) {
	i, _ := slices.BinarySearchFunc(g.events, from, func(e logEvent, c cursor) int {
		return cmp.Or(cmp.Compare(e.at.UnixMilli(), c.AtMs), cmp.Compare(e.seq, c.Seq))
	})
	var out []filteredEvent
	bytes, scanned := 0, 0
	for ; i < len(g.events); i++ {
		e := g.events[i]
		ms := e.at.UnixMilli()
		switch {
		case ms < from.AtMs || ms == from.AtMs && e.seq <= from.Seq,
			in.StartTime != nil && ms < *in.StartTime,
			in.EndTime != nil && ms >= *in.EndTime,
			e.shown.After(now),
			len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, e.stream),
			!strings.HasPrefix(e.stream, in.LogStreamNamePrefix):
			continue
		}
		if scanned == scan || len(out) == in.Limit || bytes+len(e.message) > maxPageBytes && len(out) > 0 {
			return out, from.token()
		}
		scanned++
		from.AtMs, from.Seq = ms, e.seq
		if match(e.message) {
			bytes += len(e.message)
			out = append(out, filteredEvent{e.stream, ms, e.message, e.shown.UnixMilli(), fmt.Sprintf("%056d", e.seq)})
		}
	}
	return out, ""
}

type filteredEvent struct {
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId"`
}

func logsPage(events []filteredEvent, next string) map[string]any {
	if events == nil {
		events = []filteredEvent{}
	}
	out := map[string]any{"events": events, "searchedLogStreams": []any{}}
	if next != "" {
		out["nextToken"] = next
	}
	return out
}

func (s *Server) describeLogStreams(in filterRequest) (any, error) {
	l := s.logs
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[in.LogGroupName]
	if g == nil {
		return nil, logsRefusal("ResourceNotFoundException", "The specified log group does not exist.")
	}
	list := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(g.streams)) {
		if strings.HasPrefix(name, in.LogStreamNamePrefix) {
			list = append(list, map[string]string{"logStreamName": name})
		}
	}
	return map[string]any{"logStreams": list}, nil
}

// term is a word or a quoted phrase of a filter pattern, with what stands before
// it: "?" for one of several, "-" for none.
var term = regexp.MustCompile(`^\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"{}\[\]?]+))`)

// selection is a pattern of JSON events with one comparison.
var selection = regexp.MustCompile(`^\{\s*\$\.([A-Za-z0-9_.]+)\s*(=|!=)\s*(?:"([^"]*)"|([A-Za-z0-9_.*-]+))\s*\}$`)

// patternOf reads a filter pattern: words and phrases, or one comparison of a
// JSON event's member.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func patternOf(text string) (func(message string) bool, error) {
	text = strings.TrimSpace(text)
	if m := selection.FindStringSubmatch(text); m != nil {
		return func(message string) bool {
			return selects(message, strings.Split(m[1], "."), m[3]+m[4]) == (m[2] == "=")
		}, nil
	}
	var all, any, none []string
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := term.FindStringSubmatch(rest)
		if m == nil {
			return nil, complain("Invalid filter pattern: %q", text)
		}
		word := m[3]
		if word == "" {
			word = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[2])
		}
		switch m[1] {
		case "?":
			any = append(any, word)
		case "-":
			none = append(none, word)
		default:
			all = append(all, word)
		}
		rest = rest[len(m[0]):]
	}
	return func(message string) bool {
		in := func(w string) bool { return strings.Contains(message, w) }
		return !slices.ContainsFunc(none, in) && (len(any) == 0 || slices.ContainsFunc(any, in)) &&
			!slices.ContainsFunc(all, func(w string) bool { return !in(w) })
	}, nil
}

// selects says whether a JSON event has a member of that value.
func selects(message string, path []string, want string) bool {
	var v any
	if json.Unmarshal([]byte(message), &v) != nil {
		return false
	}
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		v = m[key]
	}
	switch v := v.(type) {
	case string:
		return v == want
	case float64:
		n, err := strconv.ParseFloat(want, 64)
		return err == nil && n == v
	case bool:
		return strconv.FormatBool(v) == want
	}
	return false
}
