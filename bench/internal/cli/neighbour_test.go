package cli_test

import (
	"os"
	"strconv"
	"time"
)

// spin is the neighbour's program.
func spin() {
	share, err := strconv.ParseFloat(os.Args[1], 64)
	if err != nil {
		os.Exit(2)
	}
	const period = 20 * time.Millisecond
	busy := time.Duration(share * float64(period))
	for {
		for began := time.Now(); time.Since(began) < busy; {
		}
		time.Sleep(period - busy)
	}
}
