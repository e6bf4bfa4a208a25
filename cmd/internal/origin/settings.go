package origin

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"brood/worker/origin"
)

// Settings are what the helper is configured with.
type Settings struct {
	// Dir is the cache's directory, absolute, which the helper's account can write to.
	Dir string `yaml:"dir"`
	// MaxSize bounds what lies there, in bytes; default 10 GiB.
	MaxSize int64 `yaml:"max-size"`
	// Downloads are how many files come in at once; default 16.
	Downloads int `yaml:"downloads"`
	// Origins are all places that workers may ask for.
	Origins []origin.Options `yaml:"origins"`
}

const (
	defaultMaxSize   = 10 << 30
	defaultDownloads = 16
)

func (s Settings) withDefaults() Settings {
	if s.MaxSize == 0 {
		s.MaxSize = defaultMaxSize
	}
	if s.Downloads == 0 {
		s.Downloads = defaultDownloads
	}
	return s
}

// Check returns every fault of s.
func (s Settings) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !filepath.IsAbs(s.Dir) {
		fault("dir %q: want an absolute path", s.Dir)
	}
	if s.MaxSize < 0 {
		fault("max-size %d: want bytes, 1 or more", s.MaxSize)
	}
	if s.Downloads < 0 {
		fault("downloads %d: want 1 or more", s.Downloads)
	}
	for i, o := range s.Origins {
		if err := o.Check(); err != nil {
			fault("origin %s: %w", o.URL, err)
		}
		for _, other := range s.Origins[:i] {
			o.StripPrefix, other.StripPrefix = "", "" // is the workers'
			if o.URL == other.URL && !reflect.DeepEqual(o, other) {
				fault("origin %s is there twice, and not alike", o.URL)
			}
		}
	}
	return errors.Join(faults...)
}

// Encode returns s as Decode reads it: what the supervisor gives to the helper.
func (s Settings) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetCustomStructTag("yaml")
	err := e.Encode(s)
	return b.Bytes(), err
}

// Decode is the inverse of Encode.
func Decode(b []byte) (s Settings, err error) {
	d := msgpack.NewDecoder(bytes.NewReader(b))
	d.SetCustomStructTag("yaml")
	d.DisallowUnknownFields(true)
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("the helper's configuration: %w", err)
	}
	return s, s.Check()
}
