package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"time"
)

const (
	maxBody    = 4 << 10 // bytes
	bodyWithin = 10 * time.Second
)

// body reads what a request says into fields, which is all that it may say.
func body(w http.ResponseWriter, r *http.Request, fields any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return faultf(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes", maxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return faultf(http.StatusRequestTimeout, "the body has not come within %v", bodyWithin)
	case err != nil:
		return faultf(http.StatusBadRequest, "the body can't be read: %v", err)
	}
	// That the client leaves is heard by a read, which is to have no end of its own.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	if len(text) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return faultf(http.StatusUnsupportedMediaType, "the body is %q: want Content-Type: application/json", r.Header.Get("Content-Type"))
	}
	if err := decode(text, fields); err != nil {
		return faultf(http.StatusBadRequest, "the body is not what it should be: %v", err)
	}
	return nil
}

// decode takes exactly one object.
func decode(text []byte, fields any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	switch err := d.Decode(fields); {
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s must not be: %s", wrong.Field, wrong.Value) // not the type's name, which is Go's
	case errors.As(err, &wrong):
		return fmt.Errorf("want an object, it is: %s", wrong.Value)
	case err != nil:
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}
