package runtimeapi

import "context"

// Supervisor is a Process that can have external extensions. A Process whose
// Started names any has to be one.
//
// As on Lambda the runtime starts after the last extension has registered, and
// an extension that ends by itself ends the environment (rapid/handlers.go of
// AWS's emulator).
type Supervisor interface {
	Process
	Terminator
	// Run starts the runtime. It is called at most once, after Exec. An
	// entrypoint that can't be executed is an error that wraps
	// ErrInvalidEntrypoint. Done is closed when the runtime has ended; the
	// extensions may outlive it.
	Run(ctx context.Context) error
	// Ended delivers the end of each extension. It is closed when no more can
	// come, at the latest soon after Kill.
	Ended() <-chan ExtensionEnd
	// KillRuntime sends SIGKILL to the runtime alone and returns at once.
	KillRuntime()
}

// ExtensionEnd is the end of an external extension's process.
type ExtensionEnd struct {
	// Name is the extension's file name.
	Name string
	Exit Exit
	// LaunchError is why the program could not be started, as Go words it
	// ("fork/exec /opt/extensions/x: permission denied"); empty if it was.
	LaunchError string
}

// fault is what Lambda calls the end: Extension.Crash, also for status 0, or
// Extension.LaunchError.
func (x ExtensionEnd) fault() *fault {
	switch {
	case x.LaunchError != "":
		return &fault{errorType: "Extension.LaunchError", text: x.LaunchError}
	case x.Exit == Exit{}:
		return &fault{errorType: "Extension.Crash", text: "exit code 0", exit: &x.Exit}
	}
	return &fault{errorType: "Extension.Crash", text: x.Exit.Status(), exit: &x.Exit}
}
