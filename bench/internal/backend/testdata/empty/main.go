// Empty does nothing: what it takes is what starting a Go program takes.
package main

func main() {}
