package route_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/route"
	"brood/worker/workertest"
)

// shelf holds files by name, and what was asked of it.
type shelf struct {
	files  map[string]any // string or error
	quirks worker.Quirks
	asked  []worker.Request
}

func (s *shelf) Open(_ context.Context, req *worker.Request) (worker.Response, error) {
	s.asked = append(s.asked, *req)
	req.File, req.Mode = "changed", protocol.Netascii
	clear(req.Options)
	req.Quirks = req.Quirks.And(s.quirks)
	switch f := s.files[s.asked[len(s.asked)-1].File].(type) {
	case string:
		return worker.Bytes([]byte(f)), nil
	case error:
		return nil, f
	}
	return nil, fmt.Errorf("no such file: %w", fs.ErrNotExist)
}

func TestHandlersAreAskedUntilAFileExists(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name    string
		files   map[string]any
		asked   []string
		content string
		err     *protocol.Error
	}{
		{"the first", map[string]any{"1": "one", "2": "two"}, []string{"1"}, "one", nil},
		{"the second", map[string]any{"2": "two"}, []string{"1", "2"}, "two", nil},
		{"none", nil, []string{"1", "2", "f"}, "", &protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}},
		{"one that may not be read is an answer", map[string]any{"1": fs.ErrPermission, "2": "two"}, []string{"1"}, "", &protocol.Error{Code: protocol.CodeAccessViolation, Message: "Access violation"}},
		{"one that breaks is an answer", map[string]any{"2": broken}, []string{"1", "2"}, "", &protocol.Error{Message: "Server error, see its log"}},
		{"an ERROR of the handler's is an answer", map[string]any{"1": &protocol.Error{Code: protocol.CodeNotFound}, "2": "two"}, []string{"1"}, "", &protocol.Error{Code: protocol.CodeNotFound}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{files: tt.files}
			h := mustOpenWith(t, map[string]worker.Handler{"shelf": s}, route.Rule{TryFiles: []string{"1", "2", "${file}"}, Handler: "shelf"})
			r := workertest.Get(t, h, "f")
			var asked []string
			for _, a := range s.asked {
				asked = append(asked, a.File)
			}
			if string(r.Content) != tt.content || !reflect.DeepEqual(r.Err, tt.err) || !slices.Equal(asked, tt.asked) {
				t.Errorf("%q, ERROR %v (%s), asked %q; want %q, %v, %q", r.Content, r.Err, r.Detail, asked, tt.content, tt.err, tt.asked)
			}
		})
	}
}

func TestTheRequestStaysAsItCameButForItsQuirks(t *testing.T) {
	t.Parallel()
	s := &shelf{files: map[string]any{"new": "content"}, quirks: worker.Quirks{MaxWindowsize: 4, MaxBlksize: 9000}}
	h := mustOpenWith(t, map[string]worker.Handler{"default": s}, route.Rule{
		Rewrite: "new", Quirks: worker.Quirks{MaxBlksize: 1024, IgnoreOptions: []string{"tsize"}},
	})
	req := with(with(from("old"), neighbour("52:54:00:12:34:56")), asks("tsize", "0"))
	want := *req
	want.Options = slices.Clone(req.Options)
	want.Quirks = worker.Quirks{MaxWindowsize: 4, MaxBlksize: 1024, IgnoreOptions: []string{"tsize"}}
	resp, err := h.Open(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Close()
	if !reflect.DeepEqual(*req, want) {
		t.Errorf("the request became %+v, want %+v", *req, want)
	}
	if inner := s.asked[0]; inner.File != "new" || inner.MAC != req.MAC || inner.Peer != req.Peer || inner.Quirks.MaxBlksize != 1024 {
		t.Errorf("the handler was asked %+v", inner)
	}
}

func TestQuirksReachTheSession(t *testing.T) {
	t.Parallel()
	s := &shelf{files: map[string]any{"f": "content"}, quirks: worker.Quirks{MaxWindowsize: 4}}
	inner := mustOpenWith(t, map[string]worker.Handler{"default": s}, route.Rule{Quirks: worker.Quirks{IgnoreOptions: []string{"timeout"}}})
	h := mustOpenWith(t, map[string]worker.Handler{"default": inner}, route.Rule{Quirks: worker.Quirks{MaxBlksize: 1024}})
	r := workertest.Get(t, h, "f", protocol.Option{Name: "tsize", Value: "0"}, protocol.Option{Name: "blksize", Value: "1428"},
		protocol.Option{Name: "windowsize", Value: "8"}, protocol.Option{Name: "timeout", Value: "9"})
	want := []protocol.Option{{Name: "tsize", Value: "7"}, {Name: "blksize", Value: "1024"}, {Name: "windowsize", Value: "4"}}
	if r.Err != nil || string(r.Content) != "content" || !reflect.DeepEqual(r.OACK, want) {
		t.Errorf("%q, OACK %v, ERROR %v; want OACK %v", r.Content, r.OACK, r.Err, want)
	}
}

func TestTheLogNamesTheRule(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	h := mustOpenWith(t, map[string]worker.Handler{"default": s},
		route.Rule{Match: route.Match{File: []string{"a"}}, Name: "not here", Error: &route.Refusal{Code: 2, Message: "go away"}},
		route.Rule{Match: route.Match{File: []string{"b"}}, Name: "elsewhere", Rewrite: "x"},
		route.Rule{Match: route.Match{File: []string{"c"}}, Rewrite: "c", Then: "restart"},
	)
	for file, want := range map[string]struct {
		err    protocol.Error
		detail string
	}{
		"a": {protocol.Error{Code: 2, Message: "go away"}, `route: rule 1 "not here": access violation: go away`},
		"b": {protocol.Error{Code: 1, Message: "File not found"}, `route: rule 2 "elsewhere", handler "default", "x": no such file: file does not exist`},
		"c": {protocol.Error{Message: "Server error, see its log"}, `route: rule 3: still going on after 4096 steps: a restart or until-gone never ends (asked was c)`},
		"d": {protocol.Error{Code: 1, Message: "File not found"}, `route: no rule, handler "default", "d": no such file: file does not exist`},
	} {
		r := workertest.Get(t, h, file)
		if r.Err == nil || *r.Err != want.err || r.Detail != want.detail {
			t.Errorf("%s: ERROR %+v, log %q; want %+v, %q", file, r.Err, r.Detail, want.err, want.detail)
		}
	}
}
