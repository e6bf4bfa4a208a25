package main

import (
	"fmt"

	"brood/cmd/internal/config"
	"brood/supervisor"
)

// console is the helper that serves HTTP. The token is read here and given to it, so
// that nobody but this process's user needs to be able to read the file.
func console(s *config.Server, broodctl string) (supervisor.Helper, error) {
	h := supervisor.Helper{Name: "console", Args: []string{"console"}, Listen: string(s.HTTP), Access: supervisor.MayLook}
	var err error
	if h.Path, err = find(broodctl); err != nil {
		return h, err
	}
	if s.HTTPToken == "" {
		return h, nil
	}
	f, err := open(string(s.HTTPToken))
	if err != nil {
		return h, fmt.Errorf("http-token: %w", err)
	}
	defer f.Close()
	token, err := config.ReadToken(f)
	if err != nil {
		return h, fmt.Errorf("http-token %s: %w", s.HTTPToken, err)
	}
	h.Config, h.Access = []byte(token), supervisor.MayChange
	return h, nil
}
