package document

import (
	"brood/cmd/internal/config"
	fetcher "brood/cmd/internal/origin"
	"brood/worker/origin"
)

// Fetcher checks what the helper is told that fetches from origins.
func (reader) Fetcher(c config.Cache, origins []origin.Options) ([]byte, error) {
	s := fetcher.Settings{Dir: string(c.Dir), MaxSize: int64(c.MaxSize), Downloads: c.Downloads, Origins: origins}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s.Encode()
}
