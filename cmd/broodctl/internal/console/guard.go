package console

import (
	"net/http"
	"time"
)

// answerWithin is how long a client may take to get its answer, the server's time to
// give one included. Answers that take longer say so.
const answerWithin = 15 * time.Second

// guarded is what every answer has.
func guarded(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tell(w, faultf(http.StatusForbidden, "another site's page has sent this request: only programs and pages of this one may change something"))
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		control := http.NewResponseController(w)
		control.SetWriteDeadline(time.Now().Add(answerWithin))
		if r.ContentLength != 0 { // whether it is read here, or passed over by net/http
			control.SetReadDeadline(time.Now().Add(bodyWithin))
		}
		next.ServeHTTP(w, r)
	})
}
