package docker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coldbench/bench/internal/coldstart"
)

// victimVariable makes the test binary a process that takes samples until it is
// killed; its value is the image's ID.
const victimVariable = "COLDBENCH_DOCKER_VICTIM"

func TestMain(m *testing.M) {
	if id := os.Getenv(victimVariable); id != "" {
		if err := victim(id); err != nil {
			fmt.Println("victim:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func victim(id string) error {
	ctx := context.Background()
	e, err := Connect(ctx, Options{Network: "none"})
	if err != nil {
		return err
	}
	fmt.Println("run", e.run)
	img := coldstart.Image{ID: id, Entrypoint: []string{"/bootstrap"}}
	t, err := e.Open(ctx, coldstart.Config{Variant: "victim", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{Payload: []byte("{}"), LimitCPU: true})
	if err != nil {
		return err
	}
	for {
		env, _, err := t.Start(ctx)
		if err != nil {
			return err
		}
		fmt.Println("sample")
		if err := env.Close(); err != nil {
			return err
		}
	}
}

// TestKillLeavesNothing kills a process that uses the engine without warning,
// at moments spread over a sample, and waits until its containers have gone by
// themselves. What was made and not yet started can't end by itself: that the
// next Connect removes.
func TestKillLeavesNothing(t *testing.T) {
	e := connect(t, Options{})
	img := hello(t, e)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), victimVariable+"="+img.ID)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		run := ""
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if r, ok := strings.CutPrefix(lines.Text(), "run "); ok {
				run = r
			}
			if lines.Text() == "sample" || strings.HasPrefix(lines.Text(), "victim:") {
				break
			}
		}
		if lines.Text() != "sample" {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("the victim took no sample: %q", lines.Text())
		}
		time.Sleep(time.Duration(n) * 55 * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		if left := awaitEnd(t, e, run); len(left) > 0 {
			t.Errorf("killed after %d ms, a minute later: %s", n*55, strings.Join(left, ", "))
		}
		connect(t, Options{})
		if left := containersOf(t, e, run); len(left) > 0 {
			t.Errorf("killed after %d ms, after the next connect: %s", n*55, strings.Join(left, ", "))
		}
	}
}

// containersOf lists all containers of a run, running those that were started.
func containersOf(t testing.TB, e *Engine, run string) []string {
	t.Helper()
	list, err := e.cli.ContainerList(context.Background(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", labelRun+"="+run),
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, nameOf(c)+" "+string(c.State))
	}
	return names
}

// running lists those of a run that can't be waited for to end by themselves,
// but for an emulator that ended: Podman 4.3 does not remove it while another
// container refers to it, and does not come back to it; the next Connect does.
func running(t testing.TB, e *Engine, run string) []string {
	t.Helper()
	var left []string
	for _, name := range containersOf(t, e, run) {
		ended := e.facts.product == "podman" && strings.Contains(name, "-emulator-") && !strings.HasSuffix(name, " running")
		if !ended && !strings.HasSuffix(name, " created") {
			left = append(left, name)
		}
	}
	return left
}

// awaitEnd waits up to a minute for a run's containers to end by themselves and
// returns those that did not.
func awaitEnd(t testing.TB, e *Engine, run string) []string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		left := running(t, e, run)
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}
