// Package docker measures functions in containers of a Docker-API engine:
// Docker 20.10 and later, or Podman's socket, local or remote, found by the
// usual DOCKER_HOST.
//
// The emulator runs in a container of its own, never inside the function's limits.
// Nothing is bind-mounted, so that a remote engine works like a local one. Each
// container is removed before the next sample begins, all end when bench does, and
// what a crash leaves is removed by the next run.
//
// It does not build images, decide what a sample is (package localenv does) or
// serve the Runtime API (package runtimeapi does, in the emulator container).
package docker
