// Command lstat is a function that prints what lstat(2) says of each path in its
// event, one JSON document a line behind "lstat ".
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"
)

// stat is a line of the output.
type stat struct {
	Path, Link string
	Mode       uint32
	Nanos      int64
	Inode      uint64
	Size       int64
}

func main() {
	lambda.Start(func(paths []string) error {
		for _, path := range paths {
			var st syscall.Stat_t
			if err := syscall.Lstat(path, &st); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			link, _ := os.Readlink(path)
			line, err := json.Marshal(stat{path, link, uint32(st.Mode), st.Mtim.Nano(), st.Ino, st.Size})
			if err != nil {
				return err
			}
			fmt.Printf("lstat %s\n", line)
		}
		return nil
	})
}
