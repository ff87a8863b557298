package fake

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"coldbench/bench/internal/coldstart"
)

type function struct {
	config       coldstart.Config
	image        coldstart.Image
	options      coldstart.Options
	seed         uint64
	environments int
}

type event struct {
	Do    string `json:"do"`
	Ms    int    `json:"ms"`
	Bytes int    `json:"bytes"`
	Code  int    `json:"code"`
	MB    int    `json:"mb"`
	On    int    `json:"on"`
}

func (f *function) variable(key string) string {
	if v, ok := f.options.Environment[key]; ok {
		return v
	}
	value := ""
	for _, kv := range f.image.Environment {
		if k, v, _ := strings.Cut(kv, "="); k == key {
			value = v
		}
	}
	return value
}

func (f *function) event(payload []byte, n int) (event, error) {
	if v := f.variable("BENCH_TEST_EVENT"); v != "" {
		payload = []byte(v)
	}
	var e event
	if len(payload) > 0 && payload[0] == '{' {
		if err := json.Unmarshal(payload, &e); err != nil {
			return event{}, err
		}
	}
	if e.On != 0 && e.On != n {
		e.Do = ""
	}
	return e, nil
}

func (f *function) dice(n int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(f.config.String()))
	return rand.New(rand.NewPCG(f.seed^h.Sum64(), uint64(n)))
}

// base is how much slower a variant is than the quickest: 1 to 3, from its name up to "@".
func (f *function) base() float64 {
	h := fnv.New32a()
	name, _, _ := strings.Cut(f.config.Variant, "@")
	h.Write([]byte(name))
	return 1 + float64(h.Sum32()%1000)/500
}

// around returns a time in ms around a median, skewed to the right.
func around(dice *rand.Rand, median float64) float64 {
	return median * math.Exp(0.08*dice.NormFloat64())
}
