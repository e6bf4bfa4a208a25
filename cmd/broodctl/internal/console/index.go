package console

import (
	_ "embed"
	"io"
	"net/http"
)

//go:embed index.html
var indexPage string

// index names what there is, for people.
func (c *Console) index(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, indexPage)
	return nil
}
