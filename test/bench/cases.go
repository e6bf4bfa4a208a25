package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// testCase is a row of the table, or several that one measurement gives.
type testCase struct {
	name    string
	need    want // a server that does not grant it is left out; file "": not probed
	metrics []metric
	bounded bool // the ideal takes part
	only    bool // only servers that name the case do
	long    bool // for an hour and more beside all peers: runs where CASES names it
	fresh   bool // the server ends after each round
	run     func(context.Context, *server) (sample, error)
}

// The names of figures that goals refer to.
const (
	rate       = "MB/s"
	cpuPerGB   = "CPU ms/GB"
	perSecond  = "sessions/s"
	cpuSession = "CPU µs/session"
	ttfd50     = "first DATA p50, µs"
	ttfd99     = "first DATA p99, µs"
	clientBusy = "client busy, %"
	allServed  = "until all served, ms"
	retries    = "client retries"
	lost       = "lost in kernel"
	share      = "share of the possible"
	pssSession = "PSS MB/session"
	failures   = "failed sessions"
	slower     = "p99 / p99 without"
	logLines   = "log lines/s"
	growth     = "MB more in its second half"
	ownShare   = "supervisor, % of the CPU"
)

func cases() []*testCase {
	var all []*testCase
	all = append(all, paced("tiny, 100 a second", []goal{
		least("brood", "tftpd-hpa", 0.5), aim("brood", "atftpd", 1), aim("brood", "pin/tftp", 1),
	}, []goal{least("brood", "tftpd-hpa", 1)}))
	all = append(all, tiny("tiny, 1 client", 1, nil, nil, nil))
	all = append(all, tiny("tiny, 16 clients", 16, []goal{
		least("brood", "tftpd-hpa", 0.6), aim("brood", "tftpd-hpa", 1),
		least("brood/100", "tftpd-hpa", 5), aim("brood/100", "dnsmasq", 1),
	}, []goal{least("brood/100", "atftpd", 1), aim("brood/100", "dnsmasq", 1)}, []goal{least("brood", "", 15)}))
	all = append(all, missing("missing, 16 clients", 16))
	all = append(all, burst("burst 256", 256))

	ahead := []goal{least("brood", bestPeer, 0.95), aim("brood", bestPeer, 1)}
	aheadCPU := []goal{least("brood", bestPeer, 1/0.95), aim("brood", bestPeer, 1)}
	window := []goal{least("brood", bestPeer, 2.5), aim("brood", bestPeer, 4)}
	windowCPU := []goal{least("brood", bestPeer, 0.4), aim("brood", bestPeer, 0.25)}
	const atLeast = 700 * time.Millisecond
	all = append(all,
		bulk("512×1", want{file: "16MB", blksize: 0, windowsize: 0}, 1, atLeast, ahead, aheadCPU),
		bulk("1428×1", want{file: "16MB", blksize: 1428, windowsize: 0}, 1, atLeast, ahead, aheadCPU),
		bulk("65464×1", want{file: "64MB", blksize: 65464, windowsize: 0}, 1, atLeast, ahead, aheadCPU),
		bulk("1428×8", want{file: "64MB", blksize: 1428, windowsize: 8}, 1, atLeast, nil, nil),
		bulk("1428×16", want{file: "64MB", blksize: 1428, windowsize: 16}, 1, atLeast, window, windowCPU),
		bulk("1428×64", want{file: "64MB", blksize: 1428, windowsize: 64}, 1, atLeast, window, windowCPU),
		bulk("32 clients 1428×8", want{file: "16MB", blksize: 1428, windowsize: 8}, 32, 0,
			[]goal{least("brood", bestPeer, 1.5), aim("brood", bestPeer, 2.5)}, nil),
	)
	all = append(all, held("300 held", 300))
	for _, w := range []int{1, 16, 64} {
		all = append(all, distant(w, 0, least("brood", "", 0.9), aim("brood", "", 0.97)))
	}
	for _, w := range []int{1, 16, 64} {
		lossless := "case " + distantName(w, 0)
		var goals []goal
		switch w {
		case 16:
			goals = append(goals, least("brood", lossless, 0.85), aim("brood", lossless, goBack(w, onePercent)))
		case 64:
			goals = append(goals, least("brood", lossless, 0.66), aim("brood", lossless, goBack(w, onePercent)))
		}
		all = append(all, distant(w, onePercent, goals...))
	}
	// The last one: some servers need seconds to forget it.
	return append(all, bottleneck(8, 16), onePort(500), burst("burst 2000", 2000), storm(2000),
		flooded("flood from one address", flood{rate: 50_000, sources: 1}),
		flooded("flood from 60,000 addresses", flood{rate: 50_000, sources: 60_000}))
}

const (
	roundTrip  = 20 * time.Millisecond
	onePercent = 0.01
)

// goBack is what RFC 7440 leaves of a window's speed when each DATA packet gets
// lost with that probability: what follows the first gap is sent again, so one
// round trip moves the blocks before the gap.
func goBack(window int, loss float64) float64 {
	moved, whole := 0.0, 1.0
	for range window {
		whole *= 1 - loss
		moved += whole
	}
	return moved / float64(window)
}

func distantName(window int, loss float64) string {
	return fmt.Sprintf("20 ms, window %d%s", window, cond(loss > 0, ", 1 % loss", ""))
}

// distant is a client far away. One round trip can move one window; share is
// how much of that came true.
func distant(window int, loss float64, goals ...goal) *testCase {
	const blksize = 1428
	clients := max(1, min(16, 64/window))
	rounds := map[*server]uint64{}
	w := want{file: "16MB", blksize: blksize, windowsize: cond(window > 1, window, 0)}
	return &testCase{
		name:    distantName(window, loss),
		need:    w,
		bounded: loss == 0,
		metrics: []metric{
			{name: share, goals: goals},
			aside(retries),
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			rounds[s]++
			f, err := s.fetchOver(ctx, path{delay: roundTrip / 2, loss: loss, seed: rounds[s]}, plan{
				want: w, clients: clients, abort: 2 * time.Second, timed: true,
			})
			if err != nil {
				return nil, err
			}
			possible := float64(clients*window*blksize) / roundTrip.Seconds()
			return sample{share: f.goodput / possible, retries: float64(f.retries), failures: float64(f.failed)}, nil
		},
	}
}

// bottleneck is a slow link that several clients share, with less room in its
// queue than all their windows need.
func bottleneck(clients, window int) *testCase {
	const bits = 10e6
	w := want{file: "16MB", blksize: 1428, windowsize: window}
	return &testCase{
		name: fmt.Sprintf("10 Mbit/s, queue of 50, %d clients, window %d", clients, window),
		need: w,
		metrics: []metric{
			{name: share, goals: []goal{least("brood", "", 0.8), aim("brood", "", 0.9)}},
			aside(retries),
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			f, err := s.fetchOver(ctx, path{delay: 5 * time.Millisecond, rate: bits, queue: 50}, plan{
				want: w, clients: clients, abort: 4 * time.Second, timed: true,
			})
			if err != nil {
				return nil, err
			}
			return sample{
				share:    float64(f.bytes) * 8 / bits / f.elapsed.Seconds(),
				retries:  float64(f.retries),
				failures: float64(f.failed),
			}, nil
		},
	}
}

// aside is a figure that explains others and is in no race itself.
func aside(name string) metric { return metric{name: name, lower: true, aside: true} }

// measured runs a plan and adds what the server burnt for it.
func measured(ctx context.Context, s *server, p plan) (*fetched, time.Duration, sample, error) {
	before, err := s.group.settled()
	if err != nil {
		return nil, 0, nil, err
	}
	f, err := s.fetch(ctx, p)
	if err != nil {
		return nil, 0, nil, err
	}
	after, err := s.group.settled()
	return f, after - before, sample{
		clientBusy: 100 * f.cpu.Seconds() / f.elapsed.Seconds(),
		retries:    float64(f.retries),
		failures:   float64(f.failed),
	}, err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// quantile of what was measured; it sorts.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[int(q*float64(len(all)-1)+0.5)]
}

func perSession(f *fetched, cpu time.Duration, out sample) {
	out[perSecond] = float64(f.sessions) / f.elapsed.Seconds()
	out[cpuSession] = micros(cpu) / float64(f.sessions)
	if len(f.ttfd) > 0 {
		out[ttfd50] = micros(quantile(f.ttfd, 0.5))
		out[ttfd99] = micros(quantile(f.ttfd, 0.99))
	}
}

// tiny fetches a file of 1,000 bytes without options: two blocks.
func tiny(name string, clients int, persec, cpu, own []goal) *testCase {
	return &testCase{
		name:    name,
		bounded: true,
		metrics: []metric{
			{name: perSecond, goals: persec},
			{name: cpuSession, lower: true, goals: cpu},
			{name: ttfd50, lower: true},
			{name: ttfd99, lower: true},
			{name: ownShare, lower: true, aside: true, goals: own},
			aside(clientBusy),
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			before := s.supervisorCPU()
			f, cpu, out, err := measured(ctx, s, plan{
				want: want{file: "tiny"}, clients: clients, repeat: time.Second, abort: 10 * time.Second,
			})
			if err == nil && f.sessions > 0 {
				perSession(f, cpu, out)
				if s.ours && !s.ideal {
					out[ownShare] = 100 * float64(s.supervisorCPU()-before) / float64(cpu)
				}
			}
			return out, err
		},
	}
}

// paced is one client after the other, so slowly that the server has made its
// preparations: the time to the first DATA when an idle worker waits.
func paced(name string, p50, p99 []goal) *testCase {
	return &testCase{
		name:    name,
		bounded: true,
		metrics: []metric{
			{name: ttfd50, lower: true, goals: p50},
			{name: ttfd99, lower: true, goals: p99},
			{name: cpuSession, lower: true},
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			f, cpu, out, err := measured(ctx, s, plan{
				want: want{file: "tiny"}, clients: 1, repeat: 2 * time.Second, pause: 10 * time.Millisecond, abort: 10 * time.Second,
			})
			if err == nil && f.sessions > 0 {
				perSession(f, cpu, out)
			}
			return out, err
		},
	}
}

// missing asks for what is not there: the answer is ERROR 1.
func missing(name string, clients int) *testCase {
	return &testCase{
		name:    name,
		bounded: true,
		metrics: []metric{{name: perSecond}, {name: cpuSession, lower: true}, aside(clientBusy), aside(failures)},
		run: func(ctx context.Context, s *server) (sample, error) {
			f, cpu, out, err := measured(ctx, s, plan{
				want: want{file: "missing", refusal: true}, clients: clients, repeat: time.Second, abort: 10 * time.Second,
			})
			if err == nil && f.sessions > 0 {
				perSession(f, cpu, out)
			}
			return out, err
		},
	}
}

// burst is a rack that is switched on: every client asks at once.
func burst(name string, clients int) *testCase {
	return &testCase{
		name: name,
		metrics: []metric{
			{name: allServed, lower: true, goals: []goal{least("brood", "tftpd-hpa", 1), aim("brood/idle", bestPeer, 1)}},
			aside(retries),
			{name: lost, lower: true, goals: []goal{least("brood", "", 0)}},
			{name: cpuSession, lower: true},
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			return crowd(ctx, s, plan{want: want{file: "tiny"}, clients: clients, abort: 10 * time.Second})
		},
	}
}

// boot is what a machine asks for when it boots: a loader, a configuration of its
// own that is not there, the common one, a kernel and its first file system.
var boot = []want{
	{file: "loader", blksize: 1428},
	{file: "missing", refusal: true},
	{file: "tiny"},
	{file: "kernel", blksize: 1428},
	{file: "initrd", blksize: 1428},
}

// storm is a site whose power comes back: every machine boots at once. They repeat
// themselves after 4, 8, 16 ... seconds and have no other patience than the case.
func storm(clients int) *testCase {
	return &testCase{
		name: fmt.Sprintf("storm %d×%d", clients, len(boot)),
		long: true,
		metrics: []metric{
			{name: allServed, lower: true},
			aside(retries),
			{name: lost, lower: true, goals: []goal{least("brood", "", 0)}},
			{name: cpuSession, lower: true},
			{name: failures, lower: true, goals: []goal{least("brood", "", 0)}},
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			return crowd(ctx, s, plan{steps: boot, timeout: 4 * time.Second, clients: clients, abort: 4 * time.Minute})
		},
	}
}

// onePort has many clients fetch again and again, from sessions with ports of their
// own and from the one port.
func onePort(clients int) *testCase {
	return &testCase{
		name: fmt.Sprintf("%d clients, loader", clients),
		only: true,
		metrics: []metric{
			{name: perSecond, goals: []goal{least("brood/one port", "brood/ports", 0.9)}},
			{name: cpuSession, lower: true},
			aside(retries),
			{name: lost, lower: true, goals: []goal{least("brood/one port", "", 0)}},
			{name: failures, lower: true, goals: []goal{least("brood/one port", "", 0)}},
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			return crowd(ctx, s, plan{
				steps: boot[:1], timeout: 4 * time.Second, clients: clients, repeat: 5 * time.Second, abort: time.Minute,
			})
		},
	}
}

// crowd has many clients do something until all have done it.
func crowd(ctx context.Context, s *server, p plan) (sample, error) {
	lostBefore, err := s.dropped()
	if err != nil {
		return nil, err
	}
	f, cpu, out, err := measured(ctx, s, p)
	if err != nil {
		return nil, err
	}
	lostAfter, err := s.dropped()
	out[allServed] = f.elapsed.Seconds() * 1e3
	out[perSecond] = float64(f.sessions) / f.elapsed.Seconds()
	out[lost] = float64(lostAfter - lostBefore)
	out[cpuSession] = micros(cpu) / float64(max(f.sessions, 1))
	return out, err
}

// bulk fetches a large file, again and again for that long.
func bulk(name string, w want, clients int, repeat time.Duration, speed, cpu []goal) *testCase {
	return &testCase{
		name:    name,
		need:    w,
		bounded: true,
		metrics: []metric{
			{name: rate, goals: speed},
			{name: cpuPerGB, lower: true, goals: cpu},
			aside(clientBusy),
			aside(retries),
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			f, burnt, out, err := measured(ctx, s, plan{want: w, clients: clients, repeat: repeat, abort: 20 * time.Second, awake: clients == 1})
			if err != nil {
				return nil, err
			}
			if f.bytes == 0 {
				return nil, errors.New("not a byte came")
			}
			out[rate] = float64(f.bytes) / 1e6 / f.elapsed.Seconds()
			out[cpuPerGB] = burnt.Seconds() * 1e3 / (float64(f.bytes) / 1e9)
			return out, nil
		},
	}
}

// held counts the memory of sessions that are in progress: the client has DATA 1
// and is silent.
func held(name string, clients int) *testCase {
	return &testCase{
		name: name,
		metrics: []metric{
			{name: pssSession, lower: true, goals: []goal{least("brood", "", 0.6), aim("brood", "", 0.4)}},
			aside("processes"),
			aside(failures),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			if _, err := s.group.settled(); err != nil {
				return nil, err
			}
			idle, _, err := s.group.pss()
			if err != nil {
				return nil, err
			}
			var busy int64
			var processes int
			var pssErr error
			f, err := s.fetch(ctx, plan{
				want: want{file: "16MB"}, clients: clients, abort: 20 * time.Second,
				held: func() { busy, processes, pssErr = s.group.pss() },
			})
			if err = errors.Join(err, pssErr); err != nil {
				return nil, err
			}
			if f.sessions == 0 {
				return nil, fmt.Errorf("no session is held: %w", f.why)
			}
			_, err = s.group.settled()
			return sample{
				pssSession:  float64(busy-idle) / 1e6 / float64(f.sessions),
				"processes": float64(processes),
				failures:    float64(f.failed),
			}, err
		},
	}
}
