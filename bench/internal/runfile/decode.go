package runfile

import (
	"bytes"
	"io"
	"runtime"
	"sync"

	"github.com/segmentio/encoding/json"

	"coldbench/bench/internal/coldstart"
)

// decodeSample reads the record of a sample, with a decoder that takes a third of
// encoding/json's time. It returns nil for a line that is no sample, or that has a
// field which Sample lacks: parser.decode says what is wrong with it, or notes the
// field.
func decodeSample(line []byte) *coldstart.Sample {
	if !bytes.HasPrefix(line, []byte(`{"type":"sample",`)) {
		return nil
	}
	var r Sample
	if rest, err := json.Parse(line, &r, json.DisallowUnknownFields); err != nil || len(rest) > 0 {
		return nil
	}
	s, err := r.sample()
	if err != nil {
		return nil
	}
	return &s
}

type batch struct {
	text []byte
	ends []int // of the lines in text
	// samples are those of the lines, see decodeSample; they are set when ready is
	// closed.
	samples []*coldstart.Sample
	ready   chan struct{}
}

const batchSize = 256 << 10

func newBatch() *batch {
	return &batch{text: make([]byte, 0, batchSize+4096), ready: make(chan struct{})}
}

func (b *batch) each(do func(i int, line []byte) error) error {
	begin := 0
	for i, end := range b.ends {
		if err := do(i, b.text[begin:end]); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// eachDecoded is eachLine for a whole file, whose samples it decodes on all CPUs: with
// each line it hands over what decodeSample makes of it.
func eachDecoded(r io.Reader, whole func(n int, line []byte, s *coldstart.Sample) error, torn func(n, bytes int)) error {
	cpus := runtime.GOMAXPROCS(0)
	inOrder, toDecode := make(chan *batch, 2*cpus), make(chan *batch, 2*cpus)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(stop)
	for range cpus {
		workers.Go(func() {
			for b := range toDecode {
				_ = b.each(func(_ int, line []byte) error {
					b.samples = append(b.samples, decodeSample(line))
					return nil
				})
				close(b.ready)
			}
		})
	}
	// These are set when inOrder is closed.
	var failed error
	var tornLine, tornBytes int
	workers.Go(func() {
		defer close(inOrder)
		defer close(toDecode)
		b := newBatch()
		send := func() error {
			select {
			case <-stop:
				return io.ErrClosedPipe
			case inOrder <- b:
				toDecode <- b
				b = newBatch()
				return nil
			}
		}
		failed = eachLine(r, func(_ int, line []byte) error {
			b.text = append(b.text, line...)
			b.ends = append(b.ends, len(b.text))
			if len(b.text) < batchSize {
				return nil
			}
			return send()
		}, func(n, bytes int) { tornLine, tornBytes = n, bytes })
		_ = send()
	})
	n := 0
	for b := range inOrder {
		<-b.ready
		err := b.each(func(i int, line []byte) error {
			n++
			return whole(n, line, b.samples[i])
		})
		if err != nil {
			return err
		}
	}
	if tornBytes > 0 {
		torn(tornLine, tornBytes)
	}
	return failed
}
