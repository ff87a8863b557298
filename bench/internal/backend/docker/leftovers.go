package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/advice"
)

// abandonedAfter is the age at which another machine's run without an emulator is dead: a
// live one has none only for moments.
const abandonedAfter = time.Minute

// leftovers lists the containers of runs that are no more.
func leftovers(ctx context.Context, cli *client.Client, now time.Time) ([]container.Summary, error) {
	call, cancel := context.WithTimeoutCause(ctx, callTimeout, errSilent)
	defer cancel()
	list, err := cli.ContainerList(call, client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", labelRun),
	})
	if err != nil {
		return nil, fmt.Errorf("listing containers of earlier runs: %w", causeOf(call, err))
	}
	return abandoned(list.Items, thisProcess(), now), nil
}

// abandoned picks the containers of dead runs: on this host their process is gone; on
// another one, or if it can't be told, no emulator has been running for a minute.
func abandoned(list []container.Summary, self owner, now time.Time) []container.Summary {
	emulators := map[string]bool{}
	for _, c := range list {
		if c.Labels[labelRole] == roleEmulator && c.State == container.StateRunning {
			emulators[c.Labels[labelRun]] = true
		}
	}
	var dead []container.Summary
	for _, c := range list {
		gone := !emulators[c.Labels[labelRun]] && now.Sub(time.Unix(c.Created, 0)) > abandonedAfter
		if o, err := parseOwner(c.Labels[labelOwner]); err == nil && self.host != "" && o.host == self.host {
			gone = !o.lives()
		}
		if gone {
			dead = append(dead, c)
		}
	}
	return dead
}

// sweep removes what dead runs left behind. What can't be removed is a warning.
func (e *Engine) sweep(ctx context.Context) error {
	dead, err := leftovers(ctx, e.cli, time.Now())
	if err != nil {
		return engineFailure(ctx, err)
	}
	for _, c := range dead {
		if err := e.remove(c.ID, nil); err != nil {
			e.warn("a container of an earlier run is left: %v", err)
			continue
		}
		e.options.Log("removed the container " + nameOf(c) + " of an earlier run")
	}
	return ctx.Err()
}

func nameOf(c container.Summary) string {
	if len(c.Names) > 0 {
		return strings.TrimPrefix(c.Names[0], "/")
	}
	return fmt.Sprintf("%.12s", c.ID)
}

// Check says whether an engine answers, what it can limit, and what crashes have left in it.
func Check(ctx context.Context) []advice.Finding {
	finding := func(severity advice.Severity, text, hint string) advice.Finding {
		return advice.Finding{Severity: severity, Subject: "docker engine", Text: text, Hint: hint}
	}
	cli, f, err := dial(ctx, connectTimeout)
	if err != nil {
		return []advice.Finding{finding(advice.Warning, err.Error(), advice.HintOf(err))}
	}
	defer cli.Close()
	e := &Engine{cli: cli, facts: f, options: Options{Closing: ctx, Log: func(string) {}}}
	text := fmt.Sprintf("%s %s at %s, API %s, linux/%s", f.product, f.version, cli.DaemonHost(), f.api, f.arch)
	if c := e.Cgroup(); c != "" {
		text += ", cgroup " + c
	}
	e.findLimits(ctx)
	engine := e.Facts()
	if engine.StorageDriver != "" {
		text += ", storage driver " + engine.StorageDriver
	}
	findings := []advice.Finding{finding(advice.OK, text, "")}
	if text, hint := storageWarning(engine); text != "" {
		findings = append(findings, finding(advice.Warning, text, hint))
	}
	for _, w := range e.Warnings() {
		findings = append(findings, finding(advice.Warning, w, ""))
	}
	dead, err := leftovers(ctx, cli, time.Now())
	if err != nil {
		return append(findings, finding(advice.Warning, err.Error(), ""))
	}
	for _, c := range dead {
		text := "container " + nameOf(c) + " is left of a run that was cut off; the next run removes it"
		findings = append(findings, finding(advice.Note, text, "docker rm -f "+nameOf(c)))
	}
	return findings
}
