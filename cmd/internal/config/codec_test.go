package config

import (
	"reflect"
	"testing"

	"brood/worker/files"
)

// Each field of the options comes through, also one that is new.
func TestFilesOptionsComeThrough(t *testing.T) {
	t.Parallel()
	want := &files.Options{}
	fields := reflect.ValueOf(want).Elem()
	for i := range fields.NumField() {
		switch f := fields.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fields.Type().Field(i).Name)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{fields.Type().Field(i).Name, ""}))
		default:
			t.Fatalf("%s: what is it?", fields.Type().Field(i).Name)
		}
	}
	for _, want := range []*files.Options{want, {}} {
		k := kindOf("files")
		b, err := k.encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got := k.new()
		if err := k.decode(b, got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came through as %+v, %v", want, got, err)
		}
		for i := range b { // nothing shorter is options
			if err := k.decode(b[:i], k.new()); err == nil {
				t.Errorf("the first %d bytes of %x are taken", i, b)
			}
		}
	}
}
