package config

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// A token is as long as a random one that nobody guesses, and no longer than a header
// of HTTP has room for.
const (
	minToken = 16
	maxToken = 1024
)

// ReadToken reads what a file of HTTPToken holds: a token, without spaces, on one line.
func ReadToken(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxToken+3))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if err := CheckToken(token); err != nil {
		return "", err
	}
	return token, nil
}

// CheckToken says what is wrong with a token, without telling it.
func CheckToken(token string) error {
	switch {
	case len(token) < minToken, len(token) > maxToken:
		return fmt.Errorf("the token has %d characters: want %d to %d, such as openssl rand -hex 32 makes", len(token), minToken, maxToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the token has a space, a control character or what is no ASCII: want one line, such as openssl rand -hex 32 makes")
	}
	return nil
}
