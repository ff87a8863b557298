package main

import (
	"context"
	"os"

	"coldbench/bench/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), cli.FromProcess()))
}
