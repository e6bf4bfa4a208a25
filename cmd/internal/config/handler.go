package config

import (
	"encoding/binary"
	"errors"
	"fmt"

	"brood/worker"
)

// The workers' part of a configuration is a head, with its length before it, and
// the tables that it refers to behind it. A worker decodes the head at its birth and
// looks the tables up where they are: all workers have the same pages.

// head says what a worker serves.
type head struct {
	Handlers []part
	Default  int // index of the handler that answers when no rule does
}

// part is one handler.
type part struct {
	Name, Kind string
	Options    []byte
}

const headLength = 4

func (h *head) append(b []byte) ([]byte, error) {
	encoded, err := marshal(h)
	if err != nil {
		return nil, err
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(encoded)))
	return append(b, encoded...), nil
}

func cutHead(b []byte) (h head, tables []byte, err error) {
	if len(b) < headLength {
		return h, nil, errors.New("the configuration is cut short")
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if b = b[headLength:]; n > uint64(len(b)) {
		return h, nil, errors.New("the configuration is cut short")
	}
	return h, b[n:], unmarshal(b[:n], &h)
}

// NewHandler is the constructor of brood's workers.
func NewHandler(config []byte) (worker.Handler, error) {
	h, _, err := cutHead(config)
	if err != nil {
		return nil, err
	}
	var handlers []worker.Handler

	for _, p := range h.Handlers {
		k := kindOf(p.Kind)
		if k == nil {
			return nil, fmt.Errorf("content %s: no handler of the kind %q", p.Name, p.Kind)
		}
		options := k.new()
		if err := unmarshal(p.Options, options); err != nil {
			return nil, fmt.Errorf("content %s: %w", p.Name, err)
		}
		handler, err := k.open(options)
		if err != nil {
			return nil, fmt.Errorf("content %s: %w", p.Name, err)
		}
		handlers = append(handlers, handler)

	}
	if h.Default < 0 || h.Default >= len(handlers) {
		return nil, fmt.Errorf("handler %d of %d is to answer", h.Default, len(handlers))
	}
	return handlers[h.Default], nil
}
