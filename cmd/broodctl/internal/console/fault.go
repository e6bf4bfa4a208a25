package console

import (
	"errors"
	"fmt"
	"net/http"

	"brood/cmd/broodctl/internal/console/link"
	"brood/ipc/admin"
)

// fault is why a request is not answered as it wished.
type fault struct {
	code int
	text string
}

func (f *fault) Error() string { return f.text }

func faultf(code int, format string, args ...any) error {
	return &fault{code, fmt.Sprintf(format, args...)}
}

// codes are what the server's refusals are in HTTP.
var codes = map[admin.Code]int{
	admin.CodeFailed:    http.StatusConflict,
	admin.CodeUnknown:   http.StatusNotImplemented,
	admin.CodeForbidden: http.StatusForbidden,
	admin.CodeWrong:     http.StatusBadRequest,
	admin.CodeNoSession: http.StatusNotFound,
	admin.CodeBusy:      http.StatusServiceUnavailable,
	admin.CodeSlow:      http.StatusServiceUnavailable,
	admin.CodeEnding:    http.StatusServiceUnavailable,
}

// codeOf is the status code that says what an error is.
func codeOf(err error) int {
	var own *fault
	var said *admin.Error
	var unheard *link.Error
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &said) && codes[said.Code] != 0:
		return codes[said.Code]
	case errors.As(err, &unheard) && unheard.Silent:
		return http.StatusGatewayTimeout
	case errors.As(err, &unheard):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// retryAfter is when a client should ask again, in seconds.
const retryAfter = "2"

// tell says what went wrong, in JSON.
func tell(w http.ResponseWriter, err error) {
	code := codeOf(err)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	send(w, code, struct {
		Error string `json:"error"`
	}{err.Error()})
}
