// Hold listens on the Runtime API's address, takes connections and answers
// nothing: whoever asks it for an event waits.
package main

import "net"

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:9001")
	if err != nil {
		panic(err)
	}
	for {
		if _, err := l.Accept(); err != nil {
			panic(err)
		}
	}
}
