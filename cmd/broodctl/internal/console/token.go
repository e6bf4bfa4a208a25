package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"brood/cmd/internal/config"
)

// token is what requests that change something must have. Only its hash is kept, which
// no message can tell by mistake, and which takes as long to compare whatever it is
// compared with.
type token struct {
	set bool
	sum [sha256.Size]byte
}

func newToken(text string) (token, error) {
	if text == "" {
		return token{}, nil
	}
	// What a helper gets on standard input no file of a token's reader has seen.
	if err := config.CheckToken(text); err != nil {
		return token{}, err
	}
	return token{true, sha256.Sum256([]byte(text))}, nil
}

// protected is for what changes the server: those who have the token.
func (c *Console) protected(next answer) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !c.token.set {
			return faultf(http.StatusForbidden, "this console changes nothing: it was started without a token (brood serve --http-token FILE, or --token-file FILE)")
		}
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		given := sha256.Sum256([]byte(strings.TrimSpace(text)))
		right := subtle.ConstantTimeCompare(given[:], c.token.sum[:]) == 1
		switch {
		case !strings.EqualFold(scheme, "Bearer"):
			w.Header().Set("WWW-Authenticate", `Bearer realm="brood"`)
			return faultf(http.StatusUnauthorized, "this needs the console's token: Authorization: Bearer TOKEN")
		case !right:
			w.Header().Set("WWW-Authenticate", `Bearer realm="brood", error="invalid_token"`)
			c.log.say("console: a request had a wrong token", "client", r.RemoteAddr, "request", r.Method+" "+r.Pattern)
			return faultf(http.StatusUnauthorized, "the token is not the console's")
		}
		return next(w, r)
	}
}
