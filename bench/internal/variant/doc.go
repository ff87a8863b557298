// Package variant reads what is to be measured: the services of a compose file,
// or NAME=IMAGE.
//
// Of a service it honours image, build, platform, environment, env_file,
// entrypoint, command, working_dir and x-bench. Ports, networks, depends_on and
// the like are for docker compose up. Every other key that would change the
// image is an error, and one that would change what the function sees a warning;
// see the tables in keys.go. An emulator at the head of an entrypoint is taken
// off, because bench brings its own and keeps it out of the measured environment.
//
// It builds, pulls and looks up nothing: that is the image package's work. It
// is the only package that imports compose-go.
package variant
