package runtimeapi

import (
	"context"
	"time"
)

// The calls that bench makes to the emulator.
const (
	callHello     = "hello"     // nothing -> StdioHello
	callProvision = "provision" // Function -> nothing
	callInit      = "init"      // nothing -> Init
	callInvoke    = "invoke"    // Event -> Invocation
	callThrottled = "throttled" // nothing -> stdioThrottled
	callClose     = "close"     // nothing -> nothing
	callExited    = "exited"    // StdioExit; wants no answer
)

// The calls that the emulator makes to bench.
const (
	callLaunch = "launch" // StdioLaunch -> nothing
	callKill   = "kill"   // number of the process -> nothing, once its container is gone
	callOutput = "output" // stdioText; wants no answer
)

// StdioHello is what an emulator says of itself when bench connects.
type StdioHello struct {
	// API is the host:port that runtimes find the Runtime API at.
	API string `json:"api"`
	// StartDigest is the SHA-256, in hexadecimal, of the images/start that the function's
	// containers will find; empty for none.
	StartDigest string `json:"startDigest,omitempty"`
	// Processes is true if the emulator sees the function's processes and their memory.
	Processes bool `json:"processes"`
}

// StdioLaunch asks bench for a container whose images/start connects to Control.
type StdioLaunch struct {
	// Process numbers the processes of the connection from 1.
	Process int   `json:"process"`
	Phase   Phase `json:"phase"`
	// Control is an abstract Unix socket, "@NAME", in the emulator's network namespace.
	Control string `json:"control"`
}

// StdioExit tells the emulator that a process has ended and its container is gone.
type StdioExit struct {
	Process int  `json:"process"`
	Exit    Exit `json:"exit"`
}

// stdioThrottled is how long the CPU limit held back the environment, if known.
type stdioThrottled struct {
	Ns    int64 `json:"ns"`
	Known bool  `json:"known"`
}

// stdioText is what the function wrote since the last one; End is a process's last.
type stdioText struct {
	Text []byte `json:"text,omitempty"`
	End  bool   `json:"end,omitempty"`
}

// StdioHost is bench's side: it makes and ends the containers that an emulator asks for.
type StdioHost interface {
	// Launch starts the container of a process, whose end StdioClient.Exited tells.
	Launch(ctx context.Context, l StdioLaunch) error
	// Kill ends a process and returns when nothing of its container is left. It may be
	// called twice, and for a process that has ended or never was.
	Kill(ctx context.Context, process int) error
	// Output takes what the function wrote; end says that a process will write no more.
	// Output of an init or an invocation comes before its result.
	Output(text []byte, end bool)
}

// StdioProbe looks at the processes of the environment from where the emulator runs.
type StdioProbe interface {
	// Attach looks for the processes of a new environment, before the function runs.
	Attach()
	// Supervised says that the first process is images/start, none of the function's.
	Supervised()
	// MaxMemory returns the high-water mark of their memory in bytes.
	MaxMemory() (int64, bool)
	// Throttled returns how long their CPU limit has held them and those of earlier
	// environments back: it never becomes less.
	Throttled() (time.Duration, bool)
	// OutOfMemory reports whether the kernel killed one of them at the memory limit.
	OutOfMemory() bool
	// Terminate sends SIGTERM to the runtime.
	Terminate()
	// Kill ends all of them at once; it need not wait.
	Kill()
	// Detach forgets them.
	Detach()
}
