package ipc

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// samples are values of every type that msgpack knows, and lengths that nothing
// stands behind.
var samples = map[string]string{
	"nil":              "c0",
	"never used":       "c1",
	"false":            "c2",
	"1":                "01",
	"1 in two bytes":   "cc01",
	"-1":               "ff",
	"-1 in two bytes":  "d0ff",
	"most of uint64":   "cfffffffffffffffff",
	"float32":          "ca3f800000",
	"float64":          "cb3ff0000000000000",
	"string":           "a178",
	"bytes":            "c40178",
	"array":            "9101",
	"map":              "810101",
	"ext":              "d40100",
	"time":             "d6ff00000000",
	"huge string":      "db7fffffff",
	"huge bytes":       "c67fffffff",
	"huge array":       "dd7fffffff",
	"hugest array":     "ddffffffff",
	"huge map":         "df7fffffff",
	"huge ext":         "c97fffffff01",
	"65,535 strings":   "dcffff",
	"a long string":    "daffff",
	"a string of 200":  "d9c8",
	"arrays in arrays": strings.Repeat("91", 600) + "01",
}

// fits says which samples a field of a given type takes.
var fits = map[string][]string{
	"none":   nil,
	"uint":   {"1", "1 in two bytes"},
	"uint64": {"1", "1 in two bytes", "most of uint64"},
	"int":    {"1", "1 in two bytes", "-1", "-1 in two bytes"},
	"string": {"string"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cut returns the fields of a message, which all messages here have fewer than
// 16 of.
func cut(t testing.TB, message []byte) [][]byte {
	t.Helper()
	src := bytes.NewReader(message)
	d := msgpack.NewDecoder(src)
	n, err := d.DecodeArrayLen()
	if err != nil {
		t.Fatal(err)
	}
	fields := make([][]byte, n)
	for i := range fields {
		from := len(message) - src.Len()
		if err := d.Skip(); err != nil {
			t.Fatalf("field %d of %x: %v", i, message, err)
		}
		fields[i] = message[from : len(message)-src.Len()]
	}
	return fields
}

func paste(fields [][]byte) []byte {
	return append([]byte{0x90 | byte(len(fields))}, bytes.Join(fields, nil)...)
}

// testShape puts every sample in the place of every field, and takes from and
// adds to the fields. Refusing must cost no more memory than the message is long,
// by a factor.
func testShape(t *testing.T, message []byte, types []string, decode func([]byte) error) {
	t.Helper()
	fields := cut(t, message)
	if len(fields) != len(types) {
		t.Fatalf("%x has %d fields, want %d", message, len(fields), len(types))
	}
	for i, kind := range types {
		for name, sample := range samples {
			changed := slices.Clone(fields)
			changed[i] = unhex(t, sample)
			b := paste(changed)
			cost, err := measure(b, decode)
			if ok := slices.Contains(fits[kind], name); ok != (err == nil) {
				t.Errorf("%s as field %d, %s: %v, want accepted %v (%x)", name, i, kind, err, ok, b)
			}
			if most := costBound(b); cost > most {
				t.Errorf("%s as field %d allocated %d bytes, at most %d are right (%x)", name, i, cost, most, b)
			}
		}
	}
	refused := map[string][]byte{
		"nothing":            {},
		"nil":                {0xc0},
		"no fields":          {0x90},
		"a field less":       paste(fields[:len(fields)-1]),
		"a field more":       paste(append(slices.Clone(fields), []byte{1})),
		"a byte more":        append(slices.Clone(message), 0),
		"a message more":     append(slices.Clone(message), message...),
		"a count too high":   append([]byte{message[0] + 1}, message[1:]...),
		"a count too low":    append([]byte{message[0] - 1}, message[1:]...),
		"a map":              append([]byte{0x80 | message[0]&0xf}, message[1:]...),
		"a huge array":       unhex(t, "dd7fffffff"),
		"a huge map":         unhex(t, "df7fffffff"),
		"a huge string":      unhex(t, "db7fffffff"),
		"huge, then a start": append(unhex(t, "ddffffffff"), message[1:]...),
	}
	for i := range message {
		b := message[:i]
		if _, err := measure(b, decode); err == nil {
			t.Errorf("accepted the first %d bytes of %x", i, message)
		}
	}
	for name, b := range refused {
		cost, err := measure(b, decode)
		if err == nil {
			t.Errorf("accepted %s (%x)", name, b)
		}
		if most := costBound(b); cost > most {
			t.Errorf("%s allocated %d bytes, at most %d are right (%x)", name, cost, most, b)
		}
	}
}

// costBound is generous to the decoder's own needs and to slices of strings, and
// far below anything that a length claims.
func costBound(b []byte) uint64 { return 8192 + 64*uint64(len(b)) }

// measure returns what decode allocates. It counts the whole process, so only
// tests that are not parallel may use it.
func measure(b []byte, decode func([]byte) error) (uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := decode(b)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// measureRoughly is measure without stopping the world at each call: it sees
// what is large, and is quick enough for a fuzz target.
func measureRoughly(b []byte, decode func([]byte) error) (uint64, error) {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	err := decode(b)
	metrics.Read(sample)
	return sample[0].Value.Uint64() - before, err
}
