//go:build !linux

// Command start is the first program in a new execution environment, which is
// always Linux. Elsewhere there is only this.
package main

func main() {
	panic("start runs on Linux only")
}
