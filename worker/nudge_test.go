package worker_test

import (
	"io"
	"testing"
	"time"

	"brood/ipc"
	"brood/worker"
)

// TestAClientThatWaitsForASlowSourceIsToldThatWeAreThere: what it has comes once
// more, as it was, and again, and then what it waits for.
func TestAClientThatWaitsForASlowSourceIsToldThatWeAreThere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	content, more := io.Pipe()
	j := p.job()
	j.Timeout, j.Retries = 10*time.Millisecond, 12 // 40 s in all
	r := p.start(j, serves(func() (worker.Response, error) {
		return &stream{Reader: content, size: -1}, nil
	}), time.Minute)
	go more.Write(text(512))
	p.expectData(1, text(512))
	for range 3 {
		p.ack(1)
		p.expectData(1, text(512))
	}
	go func() {
		more.Write([]byte("end"))
		more.Close()
	}()
	p.expectData(2, []byte("end"))
	p.ack(2)
	if f := r.end(); f.Outcome != ipc.OutcomeComplete || f.Bytes != 515 || f.Retransmissions < 3 {
		t.Errorf("%+v; want complete with 515 bytes and three repetitions", f)
	}
}
