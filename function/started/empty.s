// An assembly file lets the compiler accept a function without a body, which
// the linker then finds in the runtime (go:linkname in started.go).
