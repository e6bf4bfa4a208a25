package origin

import (
	"net/http"
	"testing"

	"brood/protocol"
)

func TestAFileIsFetchedOnceAndThenServedFromTheCache(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tree/images/vmlinuz" {
			http.NotFound(w, r)
			return
		}
		serveText(w, r, text(3_000_000), "1")
	}, nil)
	for range 3 {
		s.gets("images/vmlinuz", text(3_000_000))
	}
	s.asked(1)
	s.fails("images/none", protocol.CodeNotFound, "404 Not Found")
	s.fails("images/none", protocol.CodeNotFound, "404 Not Found")
	s.asked(1)
}
