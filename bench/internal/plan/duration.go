package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Millis is a duration that JSON holds as a number of milliseconds.
type Millis struct{ time.Duration }

// Seconds is a duration that JSON holds as a number of seconds.
type Seconds struct{ time.Duration }

// Number returns the duration in milliseconds.
func (d Millis) Number() float64 { return number(d.Duration, time.Millisecond) }

// Number returns the duration in seconds.
func (d Seconds) Number() float64 { return number(d.Duration, time.Second) }

// MarshalJSON writes a number of milliseconds.
func (d Millis) MarshalJSON() ([]byte, error) { return json.Marshal(d.Number()) }

// MarshalJSON writes a number of seconds.
func (d Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(d.Number()) }

// UnmarshalJSON reads a number of milliseconds.
func (d *Millis) UnmarshalJSON(text []byte) error {
	return parse(text, time.Millisecond, &d.Duration)
}

// UnmarshalJSON reads a number of seconds.
func (d *Seconds) UnmarshalJSON(text []byte) error { return parse(text, time.Second, &d.Duration) }

func number(d, unit time.Duration) float64 { return float64(d) / float64(unit) }

func parse(text []byte, unit time.Duration, d *time.Duration) error {
	v := number(*d, unit) // null leaves it unchanged
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	v = math.Round(v * float64(unit))
	if math.Abs(v) >= math.MaxInt64 {
		return fmt.Errorf("reading duration %s: out of range", text)
	}
	*d = time.Duration(v)
	return nil
}
