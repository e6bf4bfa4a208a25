package main

import (
	"strings"

	"brood/worker"
	"brood/worker/files"
)

// The workers' configuration is the root and the trees that links may lead to,
// with NUL between them, which no path can hold.

func encodeConfig(root string, follow []string) []byte {
	return []byte(strings.Join(append([]string{root}, follow...), "\x00"))
}

func newHandler(config []byte) (worker.Handler, error) {
	paths := strings.Split(string(config), "\x00")
	return files.Open(paths[0], paths[1:]...)
}
