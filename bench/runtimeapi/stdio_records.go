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
	callKill   = "kill"   // stdioKill -> nothing
	callOutput = "output" // stdioText; wants no answer
)

// StdioHello is what an emulator says of itself when bench connects.
type StdioHello struct {
	// API is the host:port that runtimes find the Runtime API at.
	API string `json:"api"`
	// StartDigest is the SHA-256, in hexadecimal, of the images/start that the
	// function's containers will find; empty where there is none.
	StartDigest string `json:"startDigest,omitempty"`
	// Processes is true where the emulator sees the function's processes, and
	// can say how much memory they took.
	Processes bool `json:"processes"`
}

// StdioLaunch asks bench for a process: a container whose images/start
// connects to Control.
type StdioLaunch struct {
	// Process numbers the processes of the connection from 1.
	Process int   `json:"process"`
	Phase   Phase `json:"phase"`
	// Control is the abstract Unix socket, "@NAME", that images/start connects to
	// in the emulator's network namespace.
	Control string `json:"control"`
}

// StdioExit tells the emulator that a process has ended and that nothing of
// its container is left.
type StdioExit struct {
	Process int  `json:"process"`
	Exit    Exit `json:"exit"`
}

// stdioKill asks bench to end a process; the answer comes when nothing of its
// container is left.
type stdioKill struct {
	Process int `json:"process"`
}

// stdioThrottled is how long the CPU limit held the function back since its
// environment was made; Known is false where that can't be read.
type stdioThrottled struct {
	Ns    int64 `json:"ns"`
	Known bool  `json:"known"`
}

// stdioText is what the function wrote since the last one; End says that a
// process will write no more.
type stdioText struct {
	Text []byte `json:"text,omitempty"`
	End  bool   `json:"end,omitempty"`
}

// StdioHost is bench's side of the connection: it makes and ends the
// containers that an emulator asks for.
type StdioHost interface {
	// Launch makes the container of a process and returns when it was started.
	// From then on its end is told by StdioClient.Exited.
	Launch(ctx context.Context, l StdioLaunch) error
	// Kill ends a process and returns when nothing of its container is left.
	// It may be called twice, and for a process that has ended or never was.
	Kill(ctx context.Context, process int) error
	// Output takes what the function wrote; end says that a process will write no
	// more. What was written during an init or an invocation comes before its
	// result.
	Output(text []byte, end bool)
}

// StdioProbe looks at the processes of the environment from where the
// emulator runs. What it can't see it says it can't.
type StdioProbe interface {
	// Attach looks for the processes of an environment that has just been
	// made and is not running the function yet.
	Attach()
	// Supervised says that the first of the processes is images/start, which
	// stays: it is none of the function's.
	Supervised()
	// MaxMemory returns the high-water mark of their memory in bytes.
	MaxMemory() (int64, bool)
	// Throttled returns how long their CPU limit has held them back, and all
	// those of earlier environments: it never becomes less.
	Throttled() (time.Duration, bool)
	// OutOfMemory reports whether the kernel killed one of them at the memory
	// limit.
	OutOfMemory() bool
	// Terminate sends SIGTERM to the runtime.
	Terminate()
	// Kill ends all of them at once; it need not wait.
	Kill()
	// Detach forgets them.
	Detach()
}
