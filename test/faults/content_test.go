package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// pausing stops once, when it has got so much, and has something done.
type pausing struct {
	bytes.Buffer
	once  sync.Once
	pause func()
}

func (w *pausing) Write(p []byte) (int, error) {
	if w.Len() > 50_000 {
		w.once.Do(w.pause)
	}
	return w.Buffer.Write(p)
}

func TestFilesChangeWhileTheyAreServed(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	s := harness.Serve(t, "--root", tree.Dir)
	const size = 4 << 20 // more than is read ahead
	other := bytes.Repeat([]byte{'x'}, size)
	for _, tt := range []struct {
		name, gets string
		change     func(path string) error
	}{
		{"truncated to half", "ERROR", func(path string) error { return os.Truncate(path, size/2) }},
		{"truncated to nothing", "ERROR", func(path string) error { return os.Truncate(path, 0) }},
		{"overwritten in place", "ERROR", func(path string) error { return os.WriteFile(path, other, 0) }},
		{"grown", "ERROR", func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(other)
			return errors.Join(err, f.Close())
		}},
		{"replaced by rename", "the old file, whole", func(path string) error {
			if err := os.WriteFile(path+".new", other, 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}},
		{"deleted", "the old file, whole", os.Remove},
		{"made unreadable", "the file, whole", func(path string) error { return os.Chmod(path, 0) }},
		{"deleted with its directory", "the old file, whole", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }},
	} {
		for _, windowsize := range []string{"1", "16"} {
			name := tt.name + " " + windowsize
			want := tree.File(name+"/f", size)
			path := filepath.Join(tree.Dir, name, "f")
			var changed error
			got := &pausing{pause: func() { changed = tt.change(path) }}
			client := workertest.Client{
				Options: []protocol.Option{{Name: "blksize", Value: "1428"}, {Name: "windowsize", Value: windowsize}, {Name: "tsize", Value: "0"}},
				Timeout: time.Minute,
			}
			_, err := client.Get(t.Context(), s.Addr, name+"/f", got)
			var e *protocol.Error
			whole := err == nil && bytes.Equal(got.Bytes(), want)
			if changed != nil || tt.gets == "ERROR" && !errors.As(err, &e) || tt.gets != "ERROR" && !whole {
				t.Errorf("%s (%v): %d bytes, whole %v, %v; want %s", name, changed, got.Len(), whole, err, tt.gets)
			}
			l := s.Session(name + "/f")
			if windowsize == "1" {
				gets := tt.gets
				if e != nil {
					gets = fmt.Sprintf("ERROR %q", e.Message)
				}
				rows.add(row{"a file is " + tt.name, "in the middle of a transfer", gets, l.String("outcome") + " " + l.String("detail")})
			}
		}
	}
}
