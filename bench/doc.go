// Bench measures how the packaging of a Lambda function changes its cold start,
// its warm invocations and its bill.
//
// One function is packaged in several ways; each service of docker-compose.yml
// is a variant. Bench forces cold and warm invocations of each, in rounds whose
// order is drawn at random, proves the coldness of every sample, and writes
// tables with intervals to results/.
//
// # Measuring
//
//	bench local [VARIANT | NAME=IMAGE]...
//
// measures on this machine: in containers of a Docker-API engine where one
// answers, otherwise in a sandbox of Linux namespaces and cgroups that needs no
// daemon. Each cold start is a new execution environment, limited in CPU and
// memory as Lambda limits it. Bench serves the Runtime API itself, so that Init
// Duration is the time from the execve of the image's entrypoint, or from the
// start of the first extension if there is one, to the first request for an
// event, and prints the lines that Lambda prints.
//
// Without arguments every variant is measured; a variant that can't be had here
// is a row that says why. bench local --help lists the flags; --dry-run says
// what a run would do, how long it would take, and which differences it can show
// at the spread of the newest run.
//
// # Measuring on AWS
//
//	bench aws [VARIANT | NAME=FUNCTION[:QUALIFIER]]...
//
// measures functions that are deployed: PROJECT-VARIANT of each service, or any
// others. Each cold start is forced by a change of one environment variable
// (--strategy names other ways), REPORT is read from the answer or from
// CloudWatch Logs, and what was changed is put back: at the end, on an error, on
// Ctrl-C, and after a crash by the next bench aws or by bench aws --restore.
// Before anything is done the plan says what it would cost; --dry-run ends there.
// --redeploy K deploys K images to each function that bench images push --fresh
// pushed, one after the other, each with a first cold start of its own class and
// others after it, and puts the function's own image back.
// --control samples the baseline's own function once more each round, which
// shows the noise of sampling, not that of a second deployment.
// deployment/bench-policy.json is all that has to be allowed. Whatever is
// measured at another endpoint than AWS's own is a rehearsal and named so.
//
// # Reading
//
// Every sample is in results/runs/TIME-local-ENGINE.jsonl the moment it was
// taken, one JSON record a line; nothing is overwritten. results/local.md holds
// the newest run of each engine, and
//
//	bench report [RUN]...
//
// makes it again, byte for byte, or as text or JSON. results/summary.md, or
// --format summary, sets the newest local run beside the newest one on AWS,
// which a rehearsal never is. An interrupted run is kept
// and goes on with bench local --resume RUN.
//
// # Comparing
//
//	bench compare BASE NEW
//
// sets a run against an earlier one: files, IDs, folders or git revisions. Runs
// taken apart differ by what the host did meanwhile, too; variants whose image is
// the same in both show how much, and a changed one gets a verdict only on what
// lies beyond it.
//
//	bench local --against RUN
//
// needs no such control: it measures the images of the earlier run once more,
// in the same rounds as today's. The image store keeps those of the newest 20
// runs. bench compare RUN with that run alone shows the outcome again. With
// --fail-over 5% bench compare is a gate: exit code 3 where the interval of a
// change, one that holds for all comparisons together, lies wholly beyond 5 %.
//
// # The machine
//
//	bench doctor
//
// says what can be measured here, which limits can be set, and what earlier
// runs left behind; bench images lists, builds and imports the images.
//
// # Interrupts
//
// SIGINT (Ctrl-C), SIGTERM and SIGHUP interrupt bench. Signals less than a second
// apart are one interrupt: timeout, make and terminals signal a process and its
// group. The first interrupt abandons the current invocation, keeps the samples,
// ends environments and restores functions, however long that takes. The second
// one restores without retries, for at most 15 s, or 60 s if code was changed.
// The third one kills bench. Functions that are left changed are named with the
// command that restores them. nohup keeps SIGHUP from interrupting.
//
// bench rehearse serves on until connected clients have restored their functions.
//
// # Streams and exit codes
//
// Stdout carries data and nothing else. The exit code is 0 for success, 1 for
// failure, 2 for wrong usage, 3 for a run that finished with failed samples or a
// comparison over its gate, and 130 for an interrupted one, whose samples are kept.
package main
