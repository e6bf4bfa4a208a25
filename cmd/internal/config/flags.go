package config

import (
	"encoding"
	"flag"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Add adds a flag for each field of a Start or a Server to set.
func Add(set *flag.FlagSet, table any) {
	v := reflect.ValueOf(table).Elem()
	for i := range v.NumField() {
		set.Var(&flagValue{field: v.Field(i)}, Key(v.Type().Field(i)), "")
	}
}

// Record adds the flags of a Server to set, and has those which are given written
// down, to be said over a file later.
func Record(set *flag.FlagSet, given *[]Setting) {
	v := reflect.ValueOf(new(Server)).Elem()
	for i := range v.NumField() {
		set.Var(&flagValue{v.Field(i), false, given, Key(v.Type().Field(i))}, Key(v.Type().Field(i)), "")
	}
}

// Key is the name of a field in the file, "" for one that is not there.
func Key(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return strings.TrimPrefix(key, "-")
}

// flagValue sets a field. The first value that it is given takes the place of what
// the field holds, so that a flag wins over the file; further ones are added, where
// there can be several.
type flagValue struct {
	field reflect.Value
	given bool

	record *[]Setting // nil: of nobody
	key    string
}

// IsBoolFlag lets a flag stand alone.
func (f *flagValue) IsBoolFlag() bool { return f.field.Kind() == reflect.Bool }

func (f *flagValue) String() string { return "" } // what the default is, the help says

// Type is for pflag, which broodctl has.
func (f *flagValue) Type() string { return "" }

func (f *flagValue) Set(text string) error {
	v := f.field
	if v.Kind() == reflect.Slice {
		v = reflect.New(f.field.Type().Elem()).Elem()
	}
	if err := Parse(v, text); err != nil {
		return err
	}
	if f.field.Kind() == reflect.Slice {
		if !f.given {
			f.field.SetZero()
		}
		f.field.Set(reflect.Append(f.field, v))
	}
	f.given = true
	if f.record != nil {
		*f.record = append(*f.record, Setting{f.key, []string{text}})
	}
	return nil
}

// Parse sets one value from its text. The error quotes the text and says what is
// wanted in its place.
func Parse(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q: want a duration with its unit, such as 500ms, 10s or 5m", text)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q: want true or false", text)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64, reflect.Int32:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q: want a whole number", text)
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q: want a whole number, 0 to %d", text, uint64(1)<<v.Type().Bits()-1)
		}
		v.SetUint(n)
	case reflect.String:
		v.SetString(text)
	default:
		return fmt.Errorf("%q: a %v can't be read from text", text, v.Type())
	}
	return nil
}
