package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/supervisor"
)

// The kinds of values that flags and keys have. Each is read from text in one way,
// wherever the text stands, and refuses it with what is wanted.
type (
	Dir     string // a directory
	File    string // a file
	Account string // of a user, by name or number
	Address string // to listen on

	// HTTPAddress is one with its port; without an address it is the loopback's.
	HTTPAddress string

	// Count is a number of which 0 means none. It is kept as -1 then, because the
	// zero value is the default.
	Count int
	// Duration is one above 0.
	Duration time.Duration
	// Span is a duration of which 0 means any time; see Count.
	Span time.Duration

	Prefix      netip.Prefix
	PortRange   supervisor.PortRange
	Toggle      string // on or off
	SandboxMode string
	LogFormat   string
	LogLevel    string
)

var (
	_ encoding.TextUnmarshaler = (*Count)(nil)
	_ encoding.TextUnmarshaler = (*Prefix)(nil)
)

func (v *Dir) UnmarshalText(b []byte) error  { return path((*string)(v), b, "a directory's path") }
func (v *File) UnmarshalText(b []byte) error { return path((*string)(v), b, "a file's path") }

func path(to *string, b []byte, want string) error {
	if len(b) == 0 || slices.Contains(b, 0) {
		return fmt.Errorf("%q: want %s", b, want)
	}
	*to = string(b)
	return nil
}

func (v *Account) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("%q: want an account's name or number", b)
	}
	*v = Account(b)
	return nil
}

func (v *Address) UnmarshalText(b []byte) error {
	o := supervisor.Options{Listen: []string{string(b)}}
	if err := o.Check(); err != nil {
		return err
	}
	*v = Address(b)
	return nil
}

func (v *HTTPAddress) UnmarshalText(b []byte) error {
	text := string(b)
	if strings.HasPrefix(text, ":") {
		text = "127.0.0.1" + text
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return fmt.Errorf("%q: want ADDRESS:PORT, [ADDRESS]:PORT, or :PORT for the loopback address", b)
	}
	*v = HTTPAddress(addr.String())
	return nil
}

func (v *Count) UnmarshalText(b []byte) error {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 0 {
		return fmt.Errorf("%q: want a whole number, 0 for none", b)
	}
	if *v = Count(n); n == 0 {
		*v = -1
	}
	return nil
}

func (v Count) String() string { return strconv.Itoa(max(0, int(v))) }

func (v *Duration) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q: want a duration with its unit, such as 500ms, 10s or 5m", b)
	}
	*v = Duration(d)
	return nil
}

func (v Duration) String() string { return time.Duration(v).String() }

func (v *Span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil || d < 0 {
		return fmt.Errorf("%q: want a duration with its unit, such as 10s, 5m or 24h, or 0 for any time", b)
	}
	if *v = Span(d); d == 0 {
		*v = -1
	}
	return nil
}

func (v Span) String() string { return time.Duration(max(0, v)).String() }

func (v *Prefix) UnmarshalText(b []byte) error {
	p, err := supervisor.ParsePrefix(string(b))
	if err != nil {
		return err
	}
	*v = Prefix(p)
	return nil
}

func (v Prefix) String() string { return netip.Prefix(v).String() }

func (v *PortRange) UnmarshalText(b []byte) error {
	r, err := supervisor.ParsePortRange(string(b))
	if err != nil {
		return err
	}
	*v = PortRange(r)
	return nil
}

func (v PortRange) String() string { return fmt.Sprintf("%d-%d", v.Low, v.High) }

// Words are what a value must be one of.
func (Toggle) Words() []string      { return []string{"on", "off"} }
func (SandboxMode) Words() []string { return []string{"on", "require", "off"} }
func (LogFormat) Words() []string   { return []string{"text", "json"} }
func (LogLevel) Words() []string    { return []string{"trace", "debug", "info", "warn", "error"} }

func (v *Toggle) UnmarshalText(b []byte) error      { return word(v, b) }
func (v *SandboxMode) UnmarshalText(b []byte) error { return word(v, b) }
func (v *LogFormat) UnmarshalText(b []byte) error   { return word(v, b) }
func (v *LogLevel) UnmarshalText(b []byte) error    { return word(v, b) }

func word[W interface {
	~string
	Words() []string
}](to *W, b []byte) error {
	words := W("").Words()
	if !slices.Contains(words, string(b)) {
		last := len(words) - 1
		return fmt.Errorf("%q: want %s or %s", b, strings.Join(words[:last], ", "), words[last])
	}
	*to = W(b)
	return nil
}

// Level is what the logger goes by.
func (v LogLevel) Level() hclog.Level {
	if v == "" {
		return hclog.Info
	}
	return hclog.LevelFromString(string(v))
}
