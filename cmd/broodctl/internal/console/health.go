package console

import (
	"fmt"
	"io"
	"net/http"

	"brood/ipc/admin"
)

// alive says that the console is, whatever the server does: who restarts consoles by it
// does not restart one whose server is down.
func (c *Console) alive(w http.ResponseWriter, _ *http.Request) error {
	sayText(w, http.StatusOK, "the console answers")
	return nil
}

// ready says whether the server serves, in words.
func (c *Console) ready(w http.ResponseWriter, r *http.Request) error {
	status, err := c.link.Status(r.Context())
	switch {
	case err != nil:
		sayText(w, http.StatusServiceUnavailable, err.Error())
	case status.State != "serving":
		sayText(w, http.StatusServiceUnavailable, notServing(status))
	default:
		sayText(w, http.StatusOK, "serving")
	}
	return nil
}

func notServing(s *admin.Status) string {
	text := fmt.Sprintf("%s, %d sessions left", s.State, s.Active)
	if s.DrainLeft > 0 {
		text += fmt.Sprintf(", for %.0f s at most", s.DrainLeft)
	}
	return text
}

func sayText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	io.WriteString(w, text+"\n")
}
