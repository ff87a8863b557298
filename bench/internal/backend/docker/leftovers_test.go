package docker

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/advice"
)

func TestAbandoned(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	self := owner{host: "here", pid: "1", started: "5"}
	dead := owner{host: "here", pid: "1", started: "no such start"}
	live := thisProcess()
	live.host = "here"
	if !live.lives() {
		t.Skip("processes can't be told here")
	}
	const old, young = 2 * time.Minute, 2 * time.Second
	one := func(id, run, role string, o string, state container.ContainerState, age time.Duration) container.Summary {
		return container.Summary{
			ID: id, State: state, Created: now.Add(-age).Unix(),
			Labels: map[string]string{labelRun: run, labelRole: role, labelOwner: o},
		}
	}
	far := owner{host: "there", pid: "1", started: "1"}.String()
	for name, c := range map[string]struct {
		list []container.Summary
		want string
	}{
		"nothing": {nil, ""},
		"a live run": {[]container.Summary{
			one("e", "r", roleEmulator, live.String(), "running", old), one("f", "r", roleFunction, live.String(), "created", old),
		}, ""},
		"a dead run": {[]container.Summary{
			one("e", "r", roleEmulator, dead.String(), "running", young), one("f", "r", roleFunction, dead.String(), "created", young),
		}, "e f"},
		"another machine's, live": {[]container.Summary{
			one("e", "r", roleEmulator, far, "running", old), one("f", "r", roleFunction, far, "created", old),
		}, ""},
		"another machine's, without emulator": {[]container.Summary{one("f", "r", roleFunction, far, "created", old)}, "f"},
		"another machine's, just begun":       {[]container.Summary{one("e", "r", roleEmulator, far, "created", young)}, ""},
		"an emulator of another run": {[]container.Summary{
			one("e", "r1", roleEmulator, far, "running", old), one("f", "r2", roleFunction, far, "exited", old),
		}, "f"},
		"an owner that can't be read": {[]container.Summary{one("f", "r", roleFunction, "x", "exited", old)}, "f"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range abandoned(c.list, self, now) {
				got = append(got, c.ID)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("abandoned %q, want %q", got, c.want)
			}
		})
	}
}

func TestOwner(t *testing.T) {
	o := thisProcess()
	if again, err := parseOwner(o.String()); err != nil || again != o {
		t.Errorf("%v, printed and parsed again: %v, %v", o, again, err)
	}
	for _, s := range []string{"", "a", "a:b:c", "a:1", "a:1:2:3"} {
		if o, err := parseOwner(s); err == nil || o != (owner{}) {
			t.Errorf("%q: %v, %v", s, o, err)
		}
	}
	if !o.lives() {
		t.Error("this process does not live")
	}
	other := o
	other.started += "0"
	if other.lives() {
		t.Error("a process of another start lives")
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip(err)
	}
	if name, err := os.Hostname(); err == nil && strings.Contains(o.String(), name) {
		t.Errorf("the owner %q tells the host's name", o)
	}
}

// TestCheckNamesWhatIsLeft: what a check names, the next Connect removes.
func TestCheckNamesWhatIsLeft(t *testing.T) {
	f := newFakeAPI(t)
	gone := thisProcess()
	if gone.host == "" {
		t.Skip("processes can't be told here")
	}
	gone.started = "1"
	f.on("GET /containers/json", says(200, []map[string]any{{
		"Id": "0123456789abcdef", "Names": []string{"/coldbench-left"}, "State": "created", "Created": time.Now().Unix(),
		"Labels": map[string]string{labelRun: "r", labelRole: roleFunction, labelOwner: gone.String()},
	}}))
	f.on("DELETE /containers/0123456789abcdef", says(204, nil))
	findings := Check(context.Background())
	if len(findings) != 2 || findings[0].Severity != advice.OK || findings[1].Severity != advice.Note ||
		!strings.Contains(findings[1].Text, "coldbench-left") || findings[1].Hint != "docker rm -f coldbench-left" {
		t.Errorf("found %+v", findings)
	}
	if slices.Contains(f.asked, "DELETE /containers/0123456789abcdef") {
		t.Error("the check removed it")
	}
	f.connected()
	if !slices.Contains(f.asked, "DELETE /containers/0123456789abcdef") {
		t.Error("the next connect did not remove it")
	}
}

// TestSweepRemovesWhatIsDeadAndNothingElse makes the containers of a dead run
// and of a live one.
func TestSweepRemovesWhatIsDeadAndNothingElse(t *testing.T) {
	e := connect(t, Options{})
	ctx := context.Background()
	img := load(t, e, map[string][]byte{"f": []byte("x")}, "/f")
	create := func(run string, o owner) string {
		t.Helper()
		c, err := e.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
			Config: &container.Config{Image: img.ID, Labels: map[string]string{
				labelRun: run, labelRole: roleFunction, labelOwner: o.String(),
			}},
			HostConfig: &container.HostConfig{NetworkMode: "none"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.remove(c.ID, nil) })
		return c.ID
	}
	self := thisProcess()
	gone := self
	gone.started = "1"
	dead, live := create("test-"+newRunID(), gone), create("test-"+newRunID(), self)

	connect(t, Options{})
	list, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelRun)})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range list.Items {
		ids = append(ids, c.ID)
	}
	if slices.Contains(ids, dead) {
		t.Error("the dead run's container is still there")
	}
	if !slices.Contains(ids, live) {
		t.Error("the live run's container was removed")
	}
}
