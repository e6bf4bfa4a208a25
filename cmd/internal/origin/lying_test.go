package origin

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"brood/protocol"
	"brood/worker/workertest"
)

const size = 700_000

// cut answers with the first n bytes of what it should and breaks the connection off.
func cut(w http.ResponseWriter, r *http.Request, b []byte, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	w.Write(b[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// Each origin here goes wrong in some way. What a client gets is right and whole, or
// an ERROR: never a wrong file, and never a short one that looks complete.
func TestAnOriginThatGoesWrong(t *testing.T) {
	t.Parallel()
	right, other := text(size), bytes.Repeat([]byte{'x'}, size)
	sum := fmt.Sprintf("%x", sha(right))
	for _, tt := range []struct {
		name   string
		answer func(n int64, w http.ResponseWriter, r *http.Request) // n counts from 1
		pinned bool
		code   protocol.ErrorCode
		reason string // of the ERROR; "": the content comes
	}{
		{
			name: "breaks off and resumes by its ETag",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				if w.Header().Set("ETag", `"v1"`); n == 1 {
					cut(w, r, right, size/3)
				}
				if r.Header.Get("If-Range") != `"v1"` || r.Header.Get("Range") == "" {
					http.Error(w, "not so", http.StatusBadRequest)
					return
				}
				serveText(w, r, right, "v1")
			},
		},
		{
			name: "breaks off again and again, a little further each time",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"v1"`)
				from := 0
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
				if n > 1 {
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, size-1, size))
					w.Header().Set("Content-Length", fmt.Sprint(size-from))
					w.WriteHeader(http.StatusPartialContent)
				} else {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				}
				w.Write(right[from:min(size, from+100_000)])
				if from+100_000 < size {
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}
			},
		},
		{
			name: "breaks off and resumes by a date that is old enough",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				modified := time.Now().Add(-time.Hour)
				if n == 1 {
					w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
					cut(w, r, right, size/2)
				}
				if r.Header.Get("If-Range") == "" {
					http.Error(w, "not so", http.StatusBadRequest)
					return
				}
				http.ServeContent(w, r, "", modified, bytes.NewReader(right))
			},
		},
		{
			name: "breaks off and can't be resumed",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				cut(w, r, right, size/2)
			},
			reason: "gives nothing to resume it by",
		},
		{
			name: "breaks off and has only a weak ETag",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `W/"v1"`)
				cut(w, r, right, size/2)
			},
			reason: "gives nothing to resume it by",
		},
		{
			name: "breaks off and has another file then",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				if n == 1 {
					w.Header().Set("ETag", `"v1"`)
					cut(w, r, right, size/2)
				}
				serveText(w, r, other, "v2")
			},
			reason: "is another file now",
		},
		{
			name: "breaks off and claims that another file is the same",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				if n == 1 {
					w.Header().Set("ETag", `"v1"`)
					cut(w, r, right, size/2)
				}
				serveText(w, r, other, "v1")
			},
			pinned: true, reason: "its SHA-256 is",
		},
		{
			name: "breaks off and resumes at another place",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				if w.Header().Set("ETag", `"v1"`); n == 1 {
					cut(w, r, right, size/2)
				}
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 1000, size-1, size))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(right[1000:])
			},
			reason: "is another file now",
		},
		{
			name: "breaks off and resumes with another length",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				if n == 1 {
					w.Header().Set("ETag", `"v1"`)
					cut(w, r, right, size/2)
				}
				serveText(w, r, text(size+1), "v1")
			},
			reason: "is another file now",
		},
		{
			name: "breaks off and is gone then",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				if n == 1 {
					w.Header().Set("ETag", `"v1"`)
					cut(w, r, right, size/2)
				}
				http.NotFound(w, r)
			},
			reason: "404",
		},
		{
			name: "breaks off without ever giving a byte more",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"v1"`)
				if n > 1 {
					panic(http.ErrAbortHandler)
				}
				cut(w, r, right, size/2)
			},
			reason: "was not to be had again",
		},
		{
			name: "fails for a while in between",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"v1"`)
				switch n {
				case 1:
					cut(w, r, right, size/2)
				case 2, 3:
					http.Error(w, "later", http.StatusServiceUnavailable)
				default:
					serveText(w, r, right, "v1")
				}
			},
		},
		{
			name: "gives another file than was pinned",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				serveText(w, r, other, "v1")
			},
			pinned: true, reason: "its SHA-256 is",
		},
		{
			name: "claims a shorter length than was pinned",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				serveText(w, r, right[:size-1], "v1")
			},
			pinned: true, reason: "its SHA-256 is",
		},
		{
			name: "tells no length, but where it ends",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Write(right[:size/2])
				w.(http.Flusher).Flush()
				w.Write(right[size/2:])
			},
		},
		{
			name: "tells no length and breaks off",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Write(right[:size/2])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			},
			reason: "gives nothing to resume it by",
		},
		{
			name:   "just ends",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { justEnds(w, right) },
			reason: "neither a length nor an end",
		},
		{
			name:   "just ends, and what came is what was pinned",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { justEnds(w, right) },
			pinned: true,
		},
		{
			name:   "just ends too soon",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { justEnds(w, right[:size/2]) },
			pinned: true, reason: "its SHA-256 is",
		},
		{
			name: "compresses though asked not to",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(right)
			},
			reason: "encoded (gzip)",
		},
		{
			name:   "is forbidden",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) },
			code:   protocol.CodeAccessViolation, reason: "403 Forbidden",
		},
		{
			name:   "wants to know who asks",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusUnauthorized) },
			code:   protocol.CodeAccessViolation, reason: "401 Unauthorized",
		},
		{
			name:   "has it no more",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusGone) },
			code:   protocol.CodeNotFound, reason: "410 Gone",
		},
		{
			name: "fails",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				http.Error(w, "no", http.StatusInternalServerError)
			},
			reason: "500 Internal Server Error",
		},
		{
			name:   "breaks off before it answers",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
			reason: "EOF",
		},
		{
			name:   "sends elsewhere without end",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
			reason: "sent elsewhere 10 times",
		},
		{
			name: "sends to a file",
			answer: func(n int64, w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			},
			reason: "sent to file",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			s := newScene(t, func(w http.ResponseWriter, r *http.Request) { tt.answer(n.Add(1), w, r) }, func(set *Settings) {
				if tt.pinned {
					set.Origins[0].SHA256 = map[string]string{"file": sum}
				}
			})
			// With blocks of a size that divides the file's, and others.
			for _, options := range [][]protocol.Option{nil, {{Name: "blksize", Value: "1000"}, {Name: "windowsize", Value: "32"}, {Name: "tsize", Value: "0"}}} {
				r := workertest.Get(t, s.worker(), "file", options...)
				switch {
				case tt.reason == "" && (r.Err != nil || !bytes.Equal(r.Content, right)):
					t.Errorf("%d bytes, ERROR %v (%s); want the file", len(r.Content), r.Err, r.Detail)
				case tt.reason != "" && (r.Err == nil || r.Err.Code != tt.code || !bytes.Contains([]byte(r.Detail), []byte(tt.reason))):
					t.Errorf("%d bytes, ERROR %+v (%s); want ERROR %d and %q", len(r.Content), r.Err, r.Detail, tt.code, tt.reason)
				case len(r.Content) >= size && r.Err != nil:
					t.Errorf("all %d bytes came before the ERROR", len(r.Content))
				}
				n.Store(0)
				s.helper.cache.mu.Lock()
				clear(s.helper.cache.missing)
				s.helper.cache.mu.Unlock()
			}
		})
	}
}

// justEnds answers as HTTP/1.0 did: the connection's end is the content's.
func justEnds(w http.ResponseWriter, b []byte) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	rw.WriteString("HTTP/1.0 200 OK\r\n\r\n")
	rw.Write(b)
	rw.Flush()
}
