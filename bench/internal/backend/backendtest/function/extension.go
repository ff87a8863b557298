package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"coldbench/function/started"
)

// extension is the function's binary as a file of /opt/extensions. The variable
// BENCH_TEST_FIRST (for the file first) lists what it does, with commas
// between, "register, serve" without it:
//
//	sleep 300     sleeps, in milliseconds
//	mark          writes CLOCK_MONOTONIC into /tmp/mark
//	env           prints the keys of its environment
//	register [X]  registers, as X
//	exit 7        ends
//	hang          does nothing any more
//	serve [N 7]   takes events until SHUTDOWN; ends with status 7 at the N-th INVOKE
//	flush 300     after serve: sleeps, and says "flushed"
type extension struct {
	name, id string
}

// extend runs the extension that the binary's name says.
func extend(path string) {
	x := &extension{name: filepath.Base(path)}
	todo := os.Getenv("BENCH_TEST_" + strings.ToUpper(x.name))
	if todo == "" {
		todo = "register, serve"
	}
	for _, step := range strings.Split(todo, ",") {
		x.do(strings.Fields(step))
	}
}

func (x *extension) do(words []string) {
	number := func(i int) int {
		if i >= len(words) {
			return 0
		}
		n, _ := strconv.Atoi(words[i])
		return n
	}
	switch words[0] {
	case "sleep":
		time.Sleep(time.Duration(number(1)) * time.Millisecond)
	case "flush":
		time.Sleep(time.Duration(number(1)) * time.Millisecond)
		x.say("flushed")
	case "mark":
		if err := os.WriteFile("/tmp/mark", []byte(strconv.FormatInt(monotonic(), 10)), 0o644); err != nil {
			x.say(err)
		}
	case "env":
		x.say("sees", keys(os.Environ()))
	case "register":
		name := x.name
		if len(words) > 1 {
			name = words[1]
		}
		status, body, id := register(name, `{"events":["INVOKE","SHUTDOWN"]}`)
		x.say("registered as", name, status, body)
		if id != "" {
			x.id = id
		}
	case "exit":
		os.Exit(number(1))
	case "hang":
		hang()
	case "serve":
		x.serve(number(1), number(2))
	default:
		x.say("can't", words)
	}
}

// serve takes events until SHUTDOWN or, if n is not 0, ends at the n-th INVOKE.
func (x *extension) serve(n, code int) {
	for invocation := 1; ; invocation++ {
		event, err := nextEvent(x.id)
		if err != nil {
			x.say(err)
			return
		}
		if strings.Contains(event, `"SHUTDOWN"`) {
			x.say("told", event)
			return
		}
		if invocation == n {
			os.Exit(code)
		}
	}
}

func (x *extension) say(what ...any) {
	fmt.Print("extension ", x.name, " ", fmt.Sprintln(what...))
}

// register registers an extension with the Extensions API.
func register(name, body string) (status int, answer, id string) {
	got, text, err := call(http.MethodPost, "register", "Lambda-Extension-Name", name, body)
	if err != nil {
		return 0, err.Error(), ""
	}
	return got.StatusCode, strings.TrimSpace(text), got.Header.Get("Lambda-Extension-Identifier")
}

// nextEvent waits for an extension's event.
func nextEvent(id string) (string, error) {
	got, text, err := call(http.MethodGet, "event/next", "Lambda-Extension-Identifier", id, "")
	if err == nil && got.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", got.Status, text)
	}
	return text, err
}

// call sends a request with one header to the Extensions API.
func call(method, path, header, value, body string) (*http.Response, string, error) {
	request, err := http.NewRequest(method, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2020-01-01/extension/"+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	request.Header.Set(header, value)
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	return got, string(text), err
}

// internal registers an extension inside the runtime and takes its events for ever.
func internal() error {
	status, answer, id := register("internal", `{"events":["INVOKE"]}`)
	if status != http.StatusOK {
		return fmt.Errorf("registering: %d %s", status, answer)
	}
	go func() {
		for {
			event, err := nextEvent(id)
			if err != nil {
				return
			}
			fmt.Println("internal extension got", event)
		}
	}()
	return nil
}

// begun is a little later than started.AtNs.
var begun = time.Now()

// monotonic returns CLOCK_MONOTONIC in nanoseconds, or a little less.
func monotonic() int64 { return started.AtNs() + time.Since(begun).Nanoseconds() }

// keys returns the keys of an environment.
func keys(environ []string) string {
	var all []string
	for _, kv := range environ {
		key, _, _ := strings.Cut(kv, "=")
		all = append(all, key)
	}
	return strings.Join(all, " ")
}
