package virtual

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

var someFiles = Options{
	Text: map[string]string{
		"motd":                  "welcome\n",
		"/pxelinux.cfg/default": "DEFAULT local\n",
		`Boot\menu`:             "menu",
		"empty":                 "",
		"bytes\xff":             "bytes",
		"spa ce":                "space",
	},
	Base64: map[string]string{
		"blob":   "AAEC/w==",
		"folded": "AA EC\n\t/w==\n",
		"wrong":  "not!",
	},
	Health:  "health",
	Version: "1.4.0",
}

func handler(t testing.TB) *Handler {
	t.Helper()
	h, err := New(someFiles)
	if err != nil {
		t.Fatal(err)
	}
	h.now = func() time.Time { return time.Date(2026, 11, 27, 9, 8, 7, 999, time.FixedZone("", 3600)) }
	return h
}

func TestAClientGetsWhatTheConfigurationHolds(t *testing.T) {
	t.Parallel()
	h := handler(t)
	tsize := protocol.Option{Name: "tsize", Value: "0"}
	for _, tt := range []struct {
		name, file, want string
	}{
		{"a text", "motd", "welcome\n"},
		{"with a leading slash", "/motd", "welcome\n"},
		{"with two, and a dot", "//./motd", "welcome\n"},
		{"a name that was configured with a slash", "pxelinux.cfg/default", "DEFAULT local\n"},
		{"by backslashes", `\pxelinux.cfg\default`, "DEFAULT local\n"},
		{"a name that was configured with a backslash", "Boot/menu", "menu"},
		{"a name that isn't UTF-8", "bytes\xff", "bytes"},
		{"a name with a space", "spa ce", "space"},
		{"nothing", "empty", ""},
		{"a blob", "blob", "\x00\x01\x02\xff"},
		{"a blob in lines", "folded", "\x00\x01\x02\xff"},
		{"the health file", "health", "ok 1.4.0 2026-11-27T08:08:07Z\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := workertest.Get(t, h, tt.file, tsize)
			if r.Err != nil || string(r.Content) != tt.want {
				t.Errorf("%q: %q, ERROR %v (%s); want %q", tt.file, r.Content, r.Err, r.Detail, tt.want)
			}
			// A size of 0 is not told: curl takes it for an error.
			if size := strconv.Itoa(len(tt.want)); len(r.OACK) == 1 && r.OACK[0].Value != size || len(r.OACK) != min(len(tt.want), 1) {
				t.Errorf("%q: acknowledged %v, want tsize %s", tt.file, r.OACK, size)
			}
		})
	}
}

func TestTextsAreTranslatedForNetascii(t *testing.T) {
	t.Parallel()
	if r := workertest.GetNetascii(t, handler(t), "motd"); r.Err != nil || string(r.Content) != "welcome\n" {
		t.Errorf("%q, ERROR %v", r.Content, r.Err)
	}
}

func TestWhatIsNotThereIsMissing(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for _, file := range []string{
		"gone", "MOTD", "motd.txt", "motd/", `motd\`, "motd/.", "motd/x", "pxelinux.cfg", "pxelinux.cfg/", "/", ".", "..",
		"../motd", "/../motd", `..\motd`, "pxelinux.cfg/../motd", "x/../motd", "motd/..", "%6dotd", "motd ", "motd\n",
		"/etc/passwd", "/dev/zero", strings.Repeat("x", 2000), strings.Repeat("../", 600) + "etc/passwd", strings.Repeat("x/", 1000) + "motd",
	} {
		r := workertest.Get(t, h, file)
		if r.Err == nil || r.Err.Code != protocol.CodeNotFound {
			t.Errorf("%q: %q, ERROR %v; want ERROR 1", file, r.Content, r.Err)
		}
	}
	for _, file := range []string{"", "motd\x00", "motd\x00.txt", "\x00"} { // no client can ask so
		if _, err := h.Open(t.Context(), &worker.Request{File: file}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v, want fs.ErrNotExist", file, err)
		}
	}
}

func TestABrokenBlobIsTheServersTrouble(t *testing.T) {
	t.Parallel()
	r := workertest.Get(t, handler(t), "wrong")
	if r.Err == nil || r.Err.Code != protocol.CodeUndefined || !strings.Contains(r.Detail, `"wrong": its base64 text`) {
		t.Errorf("%q, ERROR %v (%s)", r.Content, r.Err, r.Detail)
	}
}

func TestTheHealthFileHasOneSizeAndTheTimeOfTheAnswer(t *testing.T) {
	t.Parallel()
	h, err := New(Options{Health: "health"})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Truncate(time.Second)
	r := workertest.Get(t, h, "health")
	text, ok := strings.CutPrefix(string(r.Content), "ok unknown ")
	at, err := time.Parse(time.RFC3339+"\n", text)
	if !ok || err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("%q, %v; asked after %v", r.Content, err, before)
	}
	h.now = func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }
	if again := workertest.Get(t, h, "health"); len(again.Content) != len(r.Content) {
		t.Errorf("%q and %q differ in size", r.Content, again.Content)
	}
}

// Whatever is asked, there is either the file that some spelling of the name was
// configured for, or none.
func FuzzOpen(f *testing.F) {
	for _, file := range []string{"motd", "/motd", `pxelinux.cfg\default`, "../motd", "motd/", "", "\x00", "a//./b", strings.Repeat("/", 2000) + "motd"} {
		f.Add(file)
	}
	h := handler(f)
	texts := map[string]string{}
	for file, text := range someFiles.Text {
		texts[strings.Trim(strings.ReplaceAll(file, `\`, "/"), "/")] = text
	}
	f.Fuzz(func(t *testing.T, file string) {
		plain := strings.ReplaceAll(file, `\`, "/")
		for plain != strings.ReplaceAll(strings.ReplaceAll(plain, "//", "/"), "/./", "/") {
			plain = strings.ReplaceAll(strings.ReplaceAll(plain, "//", "/"), "/./", "/")
		}
		for strings.HasPrefix(plain, "/") || strings.HasPrefix(plain, "./") {
			plain = strings.TrimPrefix(strings.TrimPrefix(plain, "/"), "./")
		}
		want, known := texts[plain]
		resp, err := h.Open(context.Background(), &worker.Request{File: file})
		if err != nil {
			if known {
				t.Fatalf("%q: %v, want %q", file, err, want)
			}
			return
		}
		got, _ := io.ReadAll(resp)
		if _, other := someFiles.Base64[plain]; !other && plain != "health" && (!known || string(got) != want) {
			t.Fatalf("%q: %q, want %q, %v", file, got, want, known)
		}
	})
}
