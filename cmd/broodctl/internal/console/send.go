package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// send answers with JSON, all of which is known before its first byte goes.
func send(w http.ResponseWriter, code int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // a number that JSON has no word for
		code = http.StatusInternalServerError
		b.Reset()
		e.Encode(map[string]string{"error": err.Error()})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(code)
	w.Write(b.Bytes())
}
