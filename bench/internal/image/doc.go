// Package image makes and finds the images that are measured: it turns a
// Dockerfile without RUN into an OCI image in process, takes other images from
// the project's store, a container engine or a registry, and unpacks them.
//
// An image is what docker build and docker load make of the same input, with
// its modes, owners, times and links. A build depends on its input alone: what
// Docker takes from the clock, bench takes from the files. Where the store has an
// image with the same content, that one is used again. The image ID is the
// configuration's digest; the content ID, without times, tells whether an image
// changed. Stored content is found by digest, so nothing stale is handed out.
//
// It runs no instruction: Build refuses a Dockerfile with RUN with ErrNeedsEngine,
// and ImageOf then has compose build it.
package image
