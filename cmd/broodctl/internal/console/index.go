package console

import (
	_ "embed"
	"io"
	"net/http"
)

//go:embed index.html
var indexPage string

// openapi describes what is below /api/v1. A test holds it against answers.
//
//go:embed openapi.json
var openapi []byte

// index names what there is, for people.
func (c *Console) index(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, indexPage)
	return nil
}

func (c *Console) description(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(openapi)
	return nil
}
