package runner

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestOrderIsAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, round, n := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 1<<30).Draw(t, "round"), rapid.IntRange(0, 40).Draw(t, "n")
		p := Order(seed, round, n)
		if !slices.Equal(p, Order(seed, round, n)) {
			t.Fatal("the same seed and round gave two orders")
		}
		slices.Sort(p)
		for i := range n {
			if len(p) != n || p[i] != i {
				t.Fatalf("sorted order is %v, want 0 to %d", p, n-1)
			}
		}
	})
}

func TestOrderNeverRepeatsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, round, n := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 1<<30).Draw(t, "round"), rapid.IntRange(3, 20).Draw(t, "n")
		if p := Order(seed, round, n); slices.Equal(p, Order(seed, round-1, n)) {
			t.Fatalf("round %d has the order of the one before: %v", round, p)
		}
	})
}

// Each of the six orders of three must be as likely as any other, in even and
// in odd rounds: chi-square of five degrees of freedom, whose 99.99 % point is
// 25.7.
func TestOrderIsFair(t *testing.T) {
	for _, odd := range []int{0, 1} {
		const seeds = 6000
		count := map[string]int{}
		for seed := range uint64(seeds) {
			count[fmt.Sprint(Order(seed, 2*int(seed%50)+odd, 3))]++
		}
		chi, want := 0.0, float64(seeds)/6
		for _, n := range count {
			chi += (float64(n) - want) * (float64(n) - want) / want
		}
		if len(count) != 6 || chi > 25.7 {
			t.Errorf("rounds with remainder %d: chi-square %.1f over %v", odd, chi, count)
		}
	}
}

// Orders are part of published runs: these must not change.
func TestOrderIsForEver(t *testing.T) {
	var got []string
	for round := range 6 {
		got = append(got, fmt.Sprint(Order(1, round, 4)))
	}
	want := []string{"[1 0 3 2]", "[3 2 0 1]", "[3 0 2 1]", "[1 0 2 3]", "[0 1 2 3]", "[0 1 3 2]"}
	if !slices.Equal(got, want) {
		t.Errorf("orders of seed 1 are\n%q, want\n%q", got, want)
	}
	if slices.Equal(Order(1, 2, 30), Order(2, 2, 30)) {
		t.Error("two seeds give one order")
	}
}
