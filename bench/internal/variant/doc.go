// Package variant reads what is to be measured: the services of a compose file,
// or NAME=IMAGE.
//
// It is opinionated about what a compose file says of a variant: image, build
// (context, dockerfile, args, target), platform, environment, env_file,
// entrypoint, command, working_dir, and x-bench. Ports, volumes, networks and
// depends_on are for docker compose up and are not looked at. An emulator at the
// head of an entrypoint is taken off, because bench brings its own and keeps it
// out of the measured environment.
//
// It builds, pulls and looks up nothing: that is the image package's work. It
// is the only package that imports compose-go.
package variant
