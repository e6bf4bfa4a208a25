package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsGeneratedIsCurrent(t *testing.T) {
	t.Parallel()
	outputs, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range outputs {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the comments say (%v): go generate ./cmd/internal/config", name, err)
		}
	}
}
