package backendtest

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"
)

// extensionChecks are about /opt/extensions, and about extensions inside the runtime.
func extensionChecks() []check {
	extend := []Ability{CanExtend}
	stream := []Ability{CanExtend, CanStream}
	out := []check{
		{name: "init holds the registration", needs: extend, run: checkRegistration},
		{name: "the runtime starts after the registration", needs: stream, run: checkOrder},
		{name: "registering twice", needs: stream, run: checkTwice},
		{name: "crash of an extension of a warm environment", needs: extend, run: checkWarmExtension},
		{name: "shutdown of extensions", needs: stream, run: checkShutdown},
		{name: "extension that ignores the shutdown", needs: extend, slow: true, run: checkDeafExtension},
		{name: "internal extension", needs: []Ability{CanStream}, run: checkInternal},
	}
	for _, f := range failingExtensions() {
		out = append(out, check{name: f.name, needs: extend, slow: f.slow, run: f.check})
	}
	return out
}

// failingExtensions have timeouts that a check does not live to see where they may wait.
func failingExtensions() []failing {
	const status, report = "exit status 7", "Status: error\tError Type: Extension.Crash"
	init, exit := []coldstart.Reason{coldstart.ReasonInit}, []coldstart.Reason{coldstart.ReasonExit}
	never := []coldstart.Reason{coldstart.ReasonInit, coldstart.ReasonTimeout}
	return []failing{
		{name: "extension that exits before it registers", first: "exit 7", init: "hang", timeout: patience, reasons: init, says: status, report: report},
		{name: "extension that exits after it registered", first: "register, exit 7", init: "hang", timeout: patience, reasons: init, says: status, report: report},
		{name: "extension that exits with 0", first: "exit 0", init: "hang", timeout: patience, reasons: init, says: "exit code 0", report: report},
		{name: "extension that exits in an invocation", first: "register, serve 1 7", event: `{"do":"hang"}`, timeout: patience, reasons: exit, says: status, report: report},
		{name: "extension that is no program", broken: true, timeout: patience, reasons: init,
			says: "fork/exec /opt/extensions/first: exec format error", report: "Status: error\tError Type: Extension.LaunchError"},
		{name: "extension that never registers", first: "hang", timeout: time.Second, reasons: never, slow: true},
		{name: "extension that registers by another name", first: "register first.sh, hang", timeout: time.Second, reasons: never, slow: true},
	}
}

func (c *checker) extended(first, event, init string) (coldstart.Target, error) {
	o := c.options(event, init)
	if first != "" {
		o.Environment["BENCH_TEST_FIRST"] = first
	}
	return c.openWith(c.config(512), c.Extensions, o)
}

// checkRegistration: an extension's registration and the runtime's init add up.
func checkRegistration(c *checker) error {
	r, err := c.startCold(c.extended("sleep 300, register, serve", `{}`, "sleep 300"))
	if err != nil {
		return err
	}
	s := r.first
	if i := deref(s.Metrics.InitDurationMs); i < 600 {
		c.errorf("init %v ms: the extension sleeps 300 ms before it registers, the runtime 300 ms after", i)
	}
	if x := deref(s.Phases.ExtensionsMs); x < 300 || x > deref(s.Metrics.InitDurationMs)-300 {
		c.errorf("the extensions' part of an init of %v ms is %v ms: they sleep 300 ms, the runtime 300 ms", deref(s.Metrics.InitDurationMs), x)
	}
	if b := deref(s.Metrics.BilledDurationMs); b < 600 {
		c.errorf("billed %v ms of an init of 600 ms", b)
	}
	if _, err := c.invokeWarm(r); err != nil {
		return err
	}
	return r.end()
}

// checkOrder: the runtime finds what an extension wrote before it registered,
// its process began after that, and the extensions are not its children.
func checkOrder(c *checker) error {
	r, err := c.startCold(c.extended("sleep 100, mark, env, register, serve", `{"do":"probe"}`, ""))
	if err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	p, err := c.probed()
	if err != nil {
		return err
	}
	mark, err := strconv.ParseInt(p.Mark, 10, 64)
	if err != nil {
		c.errorf("the function did not find what its extension wrote before it registered: %q", p.Mark)
	}
	if f := r.first.Function; f != nil && f.StartedAtNs != nil && *f.StartedAtNs < mark {
		c.errorf("the function started %.3f ms before its extension registered", float64(mark-*f.StartedAtNs)/1e6)
	}
	if len(p.Children) > 0 {
		c.errorf("the function has children that it did not start: %q", p.Children)
	}
	c.variables(p.Environment)
	seen, _ := c.log.find("extension first sees ")
	keys := strings.Fields(seen)
	for _, key := range keys {
		if strings.HasPrefix(key, "_") || key == "LAMBDA_TASK_ROOT" || key == "AWS_LAMBDA_LOG_STREAM_NAME" {
			c.errorf("an extension sees %s", key)
		}
	}
	if len(keys) < 5 {
		c.errorf("an extension sees %q", keys)
	}
	return nil
}

// checkTwice: a second registration is refused, and does no harm.
func checkTwice(c *checker) error {
	r, err := c.startCold(c.extended("register, register, register other, serve", `{}`, ""))
	if err != nil {
		return err
	}
	c.printed(
		`403 {"errorMessage":"State transition from Registered to Registered failed for extension first. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`,
		`403 {"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"}`,
	)
	return r.end()
}

// checkWarmExtension: an environment whose extension ended is not warm any more.
func checkWarmExtension(c *checker) error {
	r, err := c.startCold(c.extended("register, serve 2 7", `{}`, ""))
	if err != nil {
		return err
	}
	_, err = r.Invoke(c.ctx)
	c.failed(err, failing{reasons: []coldstart.Reason{coldstart.ReasonExit}, says: "exit status 7", report: "Error Type: Extension.Crash"})
	if s, err := r.Invoke(c.ctx); !errors.Is(err, coldstart.ErrNotWarm) {
		c.errorf("after a crash: %v, want an error that wraps ErrNotWarm (served by %+v)", err, s.Function)
	}
	return r.end()
}

// checkShutdown: extensions are told of the end and have time for it.
func checkShutdown(c *checker) error {
	r, err := c.startCold(c.extended("register, serve, flush 300", `{}`, ""))
	if err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	c.printed(`extension first told {"eventType":"SHUTDOWN","shutdownReason":"spindown"`, "extension first flushed", `extension second told {"eventType":"SHUTDOWN"`)
	return nil
}

// checkDeafExtension: what does not end is ended.
func checkDeafExtension(c *checker) error {
	r, err := c.startCold(c.extended("register, serve, hang", `{}`, ""))
	if err != nil {
		return err
	}
	return r.end()
}

// checkInternal: a thread of the runtime may register before the first /next, not after it.
func checkInternal(c *checker) error {
	r, err := c.startCold(c.open(`{"do":"register"}`, "internal"))
	if err != nil {
		return err
	}
	if _, err := c.invokeWarm(r); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	c.printed(
		`internal extension got {"eventType":"INVOKE","deadlineMs":`,
		`registered late 403 {"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`,
	)
	return nil
}
