package metrics

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brood/ipc/admin"
)

// Source is whom a scrape asks. It may take as long as a scrape may.
type Source interface {
	Status(context.Context) (*admin.Status, error)
	Sessions(context.Context) ([]admin.Session, error)
}

// Self is what a console says of itself.
type Self struct {
	Version string
	Readers func() int    // of events, at this moment
	Dropped func() uint64 // readers that did not read
}

// silentFor is how long nothing new was acknowledged of a session that counts as silent.
const silentFor = 10 * time.Second

// collector asks at each scrape.
type collector struct {
	source        Source
	self          Self
	series        []series
	distributions []distribution

	up, build, silent         *prometheus.Desc
	version, readers, dropped *prometheus.Desc
}

func newCollector(source Source, self Self) *collector {
	return &collector{
		source:        source,
		self:          self,
		series:        serverSeries(),
		distributions: distributions(),
		up:            describe("up", "1 if the server has answered. If it has not, all but this and what is the console's own is missing."),
		build:         describe("build_info", "1. The label has what the server calls itself.", "program"),
		silent:        describe("sessions_silent", "Sessions that run, of which nothing new was acknowledged for 10 s or more."),
		version:       describe("console_build_info", "1. The label has the console's version.", "version"),
		readers:       describe("console_readers", "Readers of the console's events."),
		dropped:       describe("console_readers_dropped_total", "Readers of the console's events that were dropped because they did not read."),
	}
}

// Describe is prometheus.Collector's.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.build, c.silent, c.version, c.readers, c.dropped} {
		to <- d
	}
	for _, s := range c.series {
		to <- s.desc
	}
	for _, d := range c.distributions {
		to <- d.desc
	}
}

// Collect is prometheus.Collector's.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	say := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	say(c.version, prometheus.GaugeValue, 1, c.self.Version)
	say(c.readers, prometheus.GaugeValue, float64(c.self.Readers()))
	say(c.dropped, prometheus.CounterValue, float64(c.self.Dropped()))

	status, sessions, err := c.ask()
	if err != nil {
		say(c.up, prometheus.GaugeValue, 0)
		return
	}
	say(c.up, prometheus.GaugeValue, 1)
	say(c.build, prometheus.GaugeValue, 1, strings.ToValidUTF8(status.Program, "?"))
	say(c.silent, prometheus.GaugeValue, float64(silent(sessions)))
	for _, s := range c.series {
		say(s.desc, s.kind, s.value(status), s.label...)
	}
	for _, d := range c.distributions {
		if m := d.metric(status); m != nil {
			to <- m
		}
	}
}

// ask has both questions under way at once, so that a scrape takes as long as one.
func (c *collector) ask() (status *admin.Status, sessions []admin.Session, err error) {
	ctx := context.Background() // others share the answer
	var failed error
	var both sync.WaitGroup
	both.Go(func() { sessions, failed = c.source.Sessions(ctx) })
	status, err = c.source.Status(ctx)
	both.Wait()
	if err == nil {
		err = failed
	}
	return status, sessions, err
}

func silent(sessions []admin.Session) (n int) {
	for _, s := range sessions {
		if s.State != "waiting" && s.Silence >= silentFor.Seconds() {
			n++
		}
	}
	return n
}
