package render_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/price"
	"coldbench/bench/internal/render"
)

// tab is a page in a headless browser.
type tab struct {
	*testing.T
	ctx context.Context
	dir string

	mu         sync.Mutex
	complaints []string
}

// open starts a browser and opens the page of a report in it. What it logs, throws
// or asks the network for is a complaint.
func open(t *testing.T, r *analysis.Report, files render.Files) *tab {
	t.Helper()
	var program string
	var err error
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err = exec.LookPath(name); err == nil {
			break
		}
	}
	backendtest.Require(t, "chromium", err)
	var b bytes.Buffer
	format, _ := render.Lookup("html")
	if err := format.With(files).Write(&b, r); err != nil {
		t.Fatal(err)
	}
	x := &tab{T: t, dir: t.TempDir()}
	file := filepath.Join(x.dir, "page.html")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.UserDataDir(filepath.Join(x.dir, "profile")), chromedp.WindowSize(1100, 900))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // as root it has none
	}
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	x.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // starts the browser
		t.Fatal(err)
	}
	err = chromedp.Listen(ctx, func(event any) {
		x.mu.Lock()
		defer x.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			x.complaints = append(x.complaints, "thrown: "+e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			x.complaints = append(x.complaints, fmt.Sprintf("console: %s of %d", e.Type, len(e.Args)))
		case *log.EventEntryAdded:
			x.complaints = append(x.complaints, "log: "+e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, "file:") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") {
				x.complaints = append(x.complaints, "request: "+u)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	x.run(call(log.Enable, cdp.Empty{}), call(network.Enable, network.EnableParams{}), chromedp.Navigate("file://"+file), chromedp.WaitReady(chromedp.CSS("main")))
	return x
}

func (x *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	x.Helper()
	get(x, chromedp.Steps(steps...))
}

// get runs an action that has a value.
func get[T any](x *tab, a chromedp.Action[T]) T {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		x.Fatal(err)
	}
	return v
}

// call makes an action of a command of the browser's protocol.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// eval evaluates JavaScript.
func eval[T any](x *tab, script string) T {
	x.Helper()
	return get(x, chromedp.Evaluate[T](script))
}

func do(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](script)
}

// quiet asks that nothing was logged, thrown or fetched.
func (x *tab) quiet() {
	x.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.complaints {
		x.Error(c)
	}
}

// look takes a picture of the whole page where somebody wants to see it.
func (x *tab) look(name string) {
	dir := os.Getenv("BENCH_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := get(x, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		x.Error(err)
	}
}

func (x *tab) scheme(name string) {
	x.media("", name)
}

func (x *tab) media(media, scheme string) {
	x.run(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// shade is how light an element's colour is, from 0 to 255.
func (x *tab) shade(selector, property string) float64 {
	x.Helper()
	return eval[float64](x, fmt.Sprintf(`(() => {
		const c = getComputedStyle(document.querySelector(%q))[%q].match(/[0-9.]+/g).map(Number);
		return (c[0] + c[1] + c[2]) / 3;
	})()`, selector, property))
}

// pageReport is the report of a made-up run with everything a page may hold.
func pageReport(name string) *analysis.Report {
	r := analysis.New(reports()[name])
	r.Price(price.Default(), "")
	return r
}

// column reads a column of the table with a caption.
const columnScript = `(() => {
	const t = [...document.querySelectorAll("table")].find((t) => t.caption.textContent === %q);
	return [...t.tBodies[0].rows].map((r) => r.cells[%d].textContent);
})()`

func TestPageSorts(t *testing.T) {
	x := open(t, pageReport("failures"), nil)
	const caption, median = "Total: init + duration, ms", 5
	read := func() []string { return eval[[]string](x, fmt.Sprintf(columnScript, caption, median)) }
	head := fmt.Sprintf(`[...document.querySelectorAll("table")].find((t) => t.caption.textContent === %q).tHead.rows[0].cells[%d]`, caption, median)
	state := func() string { return eval[string](x, head+`.getAttribute("aria-sort")`) }
	before := read()
	if state() != "none" {
		t.Errorf("aria-sort %q before anything was sorted", state())
	}
	if !slices.Contains(before, "-") {
		t.Fatalf("no dash in %q", before)
	}
	// The way of a keyboard: focus and Enter.
	press := func() {
		x.run(do(head+`.querySelector("button").focus()`), chromedp.KeyEvent("\r"))
	}
	press()
	up := read()
	if state() != "ascending" || !sorted(up, false) {
		t.Errorf("%s: %q", state(), up)
	}
	press()
	down := read()
	if state() != "descending" || !sorted(down, true) {
		t.Errorf("%s: %q", state(), down)
	}
	if slices.Equal(up, down) {
		t.Error("both ways are the same")
	}
	if said := eval[string](x, `document.getElementById("said").textContent`); !strings.Contains(said, "median") {
		t.Errorf("said %q", said)
	}
	// Another column: the first one's state is gone.
	x.run(do(strings.Replace(head, "cells[5]", "cells[1]", 1) + `.querySelector("button").click()`))
	if state() != "none" {
		t.Errorf("aria-sort %q after another column was sorted", state())
	}
	x.quiet()
}

// sorted asks for numbers in order and dashes at the end.
func sorted(cells []string, descending bool) bool {
	var last float64
	dash := false
	for i, c := range cells {
		if c == "-" {
			dash = true
			continue
		}
		var v float64
		if _, err := fmt.Sscan(c, &v); err != nil || dash {
			return false
		}
		if i > 0 && (descending && v > last || !descending && v < last) {
			return false
		}
		last = v
	}
	return len(cells) > 2
}

func TestPageInTheDark(t *testing.T) {
	x := open(t, pageReport("normal"), nil)
	for _, scheme := range []string{"light", "dark"} {
		x.scheme(scheme)
		paper, ink := x.shade("body", "backgroundColor"), x.shade("body", "color")
		label, axis := x.shade(".wide svg .fm", "fill"), x.shade(".wide svg .ft", "fill")
		if dark := scheme == "dark"; dark != (paper < 60) || dark != (ink > 180) || dark != (axis > 180) || dark != (label > 120) {
			t.Errorf("%s: paper %v, ink %v, titles %v, labels %v", scheme, paper, ink, axis, label)
		}
		x.look("page-" + scheme)
	}
	x.quiet()
}

func TestPageOnAPhone(t *testing.T) {
	for _, name := range []string{"normal", "sweep", "failures", "two-engines", "previous"} {
		t.Run(name, func(t *testing.T) {
			x := open(t, pageReport(name), nil)
			if wide, narrow := eval[bool](x, `document.querySelector(".wide svg").checkVisibility()`), eval[bool](x, `document.querySelector(".narrow svg").checkVisibility()`); !wide || narrow {
				t.Errorf("on a screen: wide %t, narrow %t", wide, narrow)
			}
			x.look(name + "-screen")
			x.run(chromedp.EmulateViewport(375, 700, chromedp.EmulateMobile))
			if w := eval[int](x, "document.documentElement.scrollWidth"); w > 375 {
				t.Errorf("the page is %d wide", w)
			}
			if wide, narrow := eval[bool](x, `document.querySelector(".wide svg").checkVisibility()`), eval[bool](x, `document.querySelector(".narrow svg").checkVisibility()`); wide || !narrow {
				t.Errorf("on a phone: wide %t, narrow %t", wide, narrow)
			}
			x.look(name + "-phone")
			x.quiet()
		})
	}
}

// TestPageNames: what a screen reader needs has a name, once.
func TestPageNames(t *testing.T) {
	x := open(t, pageReport("sweep"), nil)
	for script, what := range map[string]string{
		`[...document.querySelectorAll("svg")].filter((s) => !s.getAttribute("aria-labelledby").split(" ").every((i) => document.getElementById(i)?.textContent)).length`: "pictures without a name",
		`(() => { const all = [...document.querySelectorAll("[id]")].map((e) => e.id); return all.length - new Set(all).size; })()`:                                       "ids that occur twice",
		`[...document.querySelectorAll("table")].filter((t) => !t.caption?.textContent).length`:                                                                           "tables without a caption",
		`[...document.querySelectorAll("tbody tr")].filter((r) => !r.querySelector("th[scope=row]")).length`:                                                              "rows without a head",
		`[...document.querySelectorAll("button, a, [tabindex]")].filter((e) => !(e.textContent || e.ariaLabel)).length`:                                                   "controls without a name",
		`document.querySelectorAll("h1").length - 1`: "headings of the first level too many",
	} {
		if n := eval[int](x, script); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	x.quiet()
}

func TestPageHoldsTheSamples(t *testing.T) {
	r := pageReport("normal")
	want := bytes.Repeat([]byte(`{"type":"sample","text":"ü </script> \u0000"}`+"\n"), 2000)
	files := render.Files{r.Sections[0].Run: rawOf(r.Sections[0].File, want)}
	x := open(t, r, files)
	events := true
	x.run(call(browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: x.dir, EventsEnabled: &events}))
	done := make(chan struct{}, 10)
	heard := func(event any) {
		if e, ok := event.(*browser.EventDownloadProgress); ok && e.State == browser.DownloadProgressStateCompleted {
			done <- struct{}{}
		}
	}
	if err := errors.Join(chromedp.Listen(x.ctx, heard), chromedp.ListenBrowser(x.ctx, heard)); err != nil {
		t.Fatal(err)
	}
	x.run(do(`document.querySelector("a.raw").click()`))
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was downloaded")
	}
	got, err := os.ReadFile(filepath.Join(x.dir, "20260304T050607Z-local-docker.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want the %d of the run file", len(got), len(want))
	}
	x.quiet()
}

func TestPagePrints(t *testing.T) {
	x := open(t, pageReport("normal"), nil)
	x.scheme("dark")
	pdf := get(x, chromedp.PrintToPDF(chromedp.PDFPrintBackground()))
	if !bytes.HasPrefix(pdf, []byte("%PDF")) {
		t.Errorf("no PDF: %d bytes", len(pdf))
	}
	if dir := os.Getenv("BENCH_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "page.pdf"), pdf, 0o644); err != nil {
			t.Error(err)
		}
	}
	x.media("print", "dark")
	if paper := x.shade("body", "backgroundColor"); paper < 250 {
		t.Errorf("paper is not white in print: %v", paper)
	}
	x.quiet()
}
