package origin

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"brood/worker/origin"
)

func TestSettingsReachTheHelperAsTheyAre(t *testing.T) {
	t.Parallel()
	want := Settings{Dir: "/var/cache/brood", MaxSize: 1 << 40, Downloads: 3, Origins: []origin.Options{
		{URL: "https://mirror.example/debian/", StripPrefix: "debian", Timeout: time.Minute, Fresh: -1, SHA256: map[string]string{"a/b": strings.Repeat("0a", 32)}, HeaderFile: "/etc/brood/header"},
		{URL: "http://other.example"},
	}}
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for i := range b {
		if _, err := Decode(b[:i]); err == nil {
			t.Fatalf("accepted the first %d of %d bytes", i, len(b))
		}
	}
}

func TestEveryFaultOfSettingsIsTold(t *testing.T) {
	t.Parallel()
	one := origin.Options{URL: "http://a.example/"}
	other := one
	other.Fresh = time.Hour
	s := Settings{Dir: "cache", MaxSize: -1, Downloads: -1, Origins: []origin.Options{one, one, other, {URL: "ftp://a.example"}}}
	err := s.Check()
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{
		`dir "cache"`, "max-size -1", "downloads -1", "origin http://a.example/ is there twice, and not alike", "ftp://a.example",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it lacks %q:\n%v", want, err)
		}
	}
	if err := (Settings{Dir: "/c", Origins: []origin.Options{one, one, {URL: one.URL, StripPrefix: "x"}}}).Check(); err != nil {
		t.Errorf("alike but for what is cut off a name: %v", err)
	}
}
