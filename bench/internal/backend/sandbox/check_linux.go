package sandbox

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/payload"
)

// subject is what the findings of this package are about.
const subject = "sandbox"

// Check says what this machine allows and what killed runs have left behind.
func Check(ctx context.Context) []advice.Finding {
	start, err := payload.Start(runtime.GOARCH)
	if err != nil {
		return []advice.Finding{{Severity: advice.Problem, Subject: subject, Text: err.Error(), Hint: "make build"}}
	}
	return checkWith(ctx, start)
}

// checkWith is Check with the program that is started first.
func checkWith(ctx context.Context, start []byte) []advice.Finding {
	var found []advice.Finding
	add := func(s advice.Severity, text, hint string) {
		found = append(found, advice.Finding{Severity: s, Subject: subject, Text: text, Hint: hint})
	}
	for _, dir := range leftovers() {
		add(advice.Note, "a killed run has left "+dir+" behind", "bench local --engine sandbox, which removes it")
	}
	e, err := makeEngine(ctx, Options{}, start)
	if err != nil {
		add(advice.Problem, err.Error(), advice.HintOf(err))
		return found
	}
	defer func() { _ = e.Close() }()
	way := "with the privileges of root"
	if e.user {
		way = "in user namespaces"
	}
	add(advice.OK, "sandboxes can be made, "+way, "")
	for _, c := range []struct {
		what string
		f    folder
	}{{"the CPU", e.groups.cpu}, {"memory", e.groups.memory}} {
		if c.f.dir == "" {
			add(advice.Warning, c.what+" can't be limited: "+c.f.reason, "run as root, or use --engine docker")
			continue
		}
		add(advice.OK, fmt.Sprintf("%s can be limited, by cgroup v%d in %s", c.what, c.f.version, c.f.dir), "")
	}
	for _, note := range e.notes {
		add(advice.Warning, note, "")
	}
	return found
}

// remedy says what to type where no namespaces can be made.
func remedy() string {
	for _, c := range []struct{ path, value, hint string }{
		{"/proc/sys/user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=10000, run as root, or use --engine docker"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1, run as root, or use --engine docker"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, run as root, or use --engine docker"},
	} {
		if text, err := os.ReadFile(c.path); err == nil && strings.TrimSpace(string(text)) == c.value {
			return c.hint
		}
	}
	return "run as root, with CAP_SYS_ADMIN in a container, or use --engine docker"
}
