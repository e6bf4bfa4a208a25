package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Cache is where what origins have is kept.
type Cache struct {
	// The directory, which the account brood-helper (or uid 65531) must be able to
	// write to; brood makes it if it is started as root. Default: /var/cache/brood.
	Dir Dir `yaml:"dir"`
	// How much lies there at most, such as 20GiB; what was not asked for longest goes
	// first. Default: 10GiB.
	MaxSize Size `yaml:"max-size"`
	// How many files come in at once. Default: 16.
	Downloads int `yaml:"downloads"`
}

const defaultCache Dir = "/var/cache/brood"

// Size is a number of bytes.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"", 1}}

func (v *Size) UnmarshalText(b []byte) error {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(string(b), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/unit.bytes {
			break
		}
		*v = Size(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q: want a number of bytes, such as 500MiB or 20GiB", b)
}

func (v Size) String() string {
	text := strconv.FormatInt(int64(v), 10)
	for _, unit := range sizeUnits[:len(sizeUnits)-1] {
		if int64(v)%unit.bytes == 0 {
			text = strconv.FormatInt(int64(v)/unit.bytes, 10) + unit.suffix
		}
	}
	return text
}
