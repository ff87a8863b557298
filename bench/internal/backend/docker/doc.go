// Package docker measures functions in containers of a Docker-API engine:
// Docker 20.10 and later, or Podman's socket, local or remote, found by the
// usual DOCKER_HOST.
//
// It is opinionated about three things. The emulator runs in a container of
// its own, beside the function's and never inside its limits. Nothing is
// bind-mounted from this machine, so that a remote engine works like a local
// one: the emulator is loaded as an image, images/start goes in through a
// labelled volume, and bench talks to the emulator over its attached stdin and
// stdout. And a container never outlives its use: each is removed before the
// next sample begins, all end when bench does, and what a crash can leave
// (a container that was made and not yet started) is removed by the next run.
//
// It does not build images, decide what a sample is (package localenv does) or
// serve the Runtime API (package runtimeapi does, in the emulator container).
package docker
