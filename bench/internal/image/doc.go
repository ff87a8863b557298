// Package image makes and finds the images that are measured: it turns a
// Dockerfile without RUN into an OCI image in process, takes other images from
// the project's store, a container engine or a registry, and unpacks them.
//
// It is opinionated about one thing: equal content has equal identity. What
// differs from one machine to the next (modification times, the umask, owners,
// the order of a folder's files, the day) never reaches an image, so that an
// image ID answers "did it change?". And it never trusts a shortcut: an image
// is built from its inputs each time, and what the store already holds is found
// by digest, so nothing stale can be handed out.
//
// It runs nothing: a Dockerfile with RUN is refused with ErrNeedsEngine.
package image
