package runtimeapi

import "context"

// Supervisor is a Process that can have external extensions.
//
// As on Lambda the runtime starts after the last extension has registered, and an
// extension that ends by itself ends the environment (rapid/handlers.go of AWS's
// emulator).
type Supervisor interface {
	Process
	Terminator
	// Run starts the runtime, at most once and after Exec. An error may wrap
	// ErrInvalidEntrypoint. Done is closed when the runtime has ended; the extensions may
	// outlive it.
	Run(ctx context.Context) error
	// Ended delivers the end of each extension and is closed soon after Kill at the latest.
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
