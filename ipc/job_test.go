package ipc

import (
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var jobs = []struct {
	name string
	job  Job
}{
	{"a boot ROM's request", Job{
		Session:  7,
		Peer:     netip.MustParseAddrPort("10.0.0.7:2070"),
		Local:    netip.MustParseAddrPort("10.0.0.1:40000"),
		MAC:      "52:54:00:12:34:56",
		File:     "pxelinux.0",
		Options:  []Option{{"tsize", "0"}, {"blksize", "1456"}},
		Received: 123456789,
		Timeout:  time.Second, Retries: 5, MaxBlksize: 65464, MaxWindowsize: 64, MaxBurst: 16,
	}},
	{"nothing but a file", Job{File: "f", Received: 0}},
	{"a link-local peer with its zone", Job{
		Peer:     netip.MustParseAddrPort("[fe80::1%eth0]:69"),
		Local:    netip.MustParseAddrPort("[fe80::2%eth0]:65535"),
		File:     "f",
		Mode:     1,
		Received: 1e9,
		Confirm:  true,
		HandBack: true,
		Last:     true,
	}},
	{"an IPv4 peer on an IPv6 socket", Job{Peer: netip.MustParseAddrPort("[::ffff:10.0.0.7]:1"), File: "f", Received: 1e9}},
	{"bytes that are no text", Job{
		File:     "\xff\xfe\x80 \n\"",
		Options:  []Option{{"\xff", "\x01"}, {"empty", ""}, {"empty", "again"}},
		Received: 1e9,
	}},
	{"the ends of all ranges", Job{
		Session:  math.MaxUint64,
		File:     strings.Repeat("x", 2040),
		Mode:     255,
		Received: math.MinInt64,
		Timeout:  math.MinInt64, Retries: math.MaxInt64, MaxBlksize: -1, MaxWindowsize: math.MaxInt64, MaxBurst: -1,
	}},
}

func encodeJob(t testing.TB, j *Job) []byte {
	t.Helper()
	b, err := j.Encode()
	if err != nil {
		t.Fatalf("encoding %+v: %v", j, err)
	}
	return b
}

func TestAJobIsDecodedAsItWasEncoded(t *testing.T) {
	t.Parallel()
	for _, tt := range jobs {
		t.Run(tt.name, func(t *testing.T) {
			b := encodeJob(t, &tt.job)
			got, err := DecodeJob(b)
			if err != nil || !reflect.DeepEqual(got, tt.job) {
				t.Errorf("%x\nis   %+v, %v\nwant %+v", b, got, err, tt.job)
			}
		})
	}
}

func TestEveryTruncationOfAJobIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range jobs {
		b := encodeJob(t, &tt.job)
		for i := range b {
			if got, err := DecodeJob(b[:i]); !errors.Is(err, ErrMalformed) || !reflect.DeepEqual(got, Job{}) {
				t.Errorf("%s: the first %d bytes of %x: %+v, %v; want %v", tt.name, i, b, got, err, ErrMalformed)
			}
		}
	}
}

func TestAJobHasOneShape(t *testing.T) { // not parallel: it measures
	types := []string{"uint64", "none", "none", "string", "string", "uint", "none", "int", "int", "int", "int", "int", "int", "uint"}
	testShape(t, encodeJob(t, &jobs[0].job), types, func(b []byte) error {
		_, err := DecodeJob(b)
		return err
	})
}

func TestOptionsComeInPairs(t *testing.T) {
	t.Parallel()
	fields := cut(t, encodeJob(t, &jobs[0].job))
	for _, tt := range []struct {
		name, options string
		ok            bool
	}{
		{"none", "90", true},
		{"one", "92a16ea176", true},
		{"one in a long array", "dc0002a16ea176", true},
		{"a name alone", "91a16e", false},
		{"an option and a name", "93a16ea176a16e", false},
		{"a value of another type", "92a16e01", false},
		{"a name of another type", "92c4016ea176", false},
		{"one more than there are", "94a16ea176", false},
	} {
		fields[6] = unhex(t, tt.options)
		if _, err := DecodeJob(paste(fields)); (err == nil) != tt.ok {
			t.Errorf("options %s (%s): %v, want accepted %v", tt.name, tt.options, err, tt.ok)
		}
	}
}

// TestTheLongestRequestFits takes the requests of 2,048 bytes that encode worst.
func TestTheLongestRequestFits(t *testing.T) {
	t.Parallel()
	const request, fixed = 2048, len("\x00\x01f\x00netascii\x00")
	for _, tt := range []struct {
		name   string
		option Option
	}{
		{"the tiniest options", Option{"n", ""}},
		{"options of one byte each", Option{"n", "v"}},
		{"the shortest strings with a length of two bytes", Option{strings.Repeat("n", 32), strings.Repeat("v", 32)}},
		{"the shortest strings with a length of three bytes", Option{strings.Repeat("n", 256), strings.Repeat("v", 256)}},
		{"one long value", Option{"n", strings.Repeat("v", request-fixed-3)}},
	} {
		j := jobs[0].job
		j.File, j.Options = "f", nil
		j.Session, j.Mode = math.MaxUint64, 255
		for wire := fixed; ; {
			if wire += len(tt.option.Name) + len(tt.option.Value) + 2; wire > request {
				break
			}
			j.Options = append(j.Options, tt.option)
		}
		if b := encodeJob(t, &j); len(b) > 2*request || len(j.Options) == 0 {
			t.Errorf("%s: %d options in %d bytes, want at most %d", tt.name, len(j.Options), len(b), 2*request)
		}
	}
}

func TestAJobThatIsTooLongIsNotEncoded(t *testing.T) {
	t.Parallel()
	j := Job{File: strings.Repeat("x", MaxJob), Received: 0}
	if b, err := j.Encode(); err == nil {
		t.Errorf("encoded a job of %d bytes; at most %d fit", len(b), MaxJob)
	}
}

func FuzzDecodeJob(f *testing.F) {
	for _, tt := range jobs {
		f.Add(encodeJob(f, &tt.job))
	}
	for _, sample := range samples {
		f.Add(unhex(f, sample))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var j Job
		cost, err := measureRoughly(b, func(b []byte) (err error) { j, err = DecodeJob(b); return err })
		if most := costBound(b) + 1<<20; cost > most { // the fuzzing engine allocates too
			t.Errorf("%x allocated %d bytes, at most %d are right", b, cost, most)
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%x: %v, want %v", b, err, ErrMalformed)
			}
			return
		}
		again, err := j.Encode()
		if err != nil {
			if len(b) <= MaxJob {
				t.Errorf("%x became %+v, which does not encode: %v", b, j, err)
			}
			return
		}
		if len(again) > len(b) {
			t.Errorf("%x grew to %x", b, again)
		}
		if got, err := DecodeJob(again); err != nil || !reflect.DeepEqual(got, j) {
			t.Errorf("%x became %+v (%v), want %+v", b, got, err, j)
		}
	})
}
