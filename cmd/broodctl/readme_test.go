package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever the pages show as a configuration is one.
func TestWhatThePagesShowIsAConfiguration(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"../../README.md", "../brood/examples/README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "```yaml\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s shows none", page)
		}
		dir := write(t, map[string]string{"hosts.yaml": "machines: []\n"})
		for i, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			block = strings.ReplaceAll(block, "/etc/brood/hosts.yaml", filepath.Join(dir, "hosts.yaml"))
			file := filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
			if err := os.WriteFile(file, []byte(block), 0o644); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := broodctl(t, "", "compile", file); code != exitOK {
				t.Errorf("%s:\n%s%s", page, block, stderr)
			}
		}
	}
}

func TestTheDHCPServersPartIsJSON(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../brood/examples/pxe.kea.json")
	if err != nil || !json.Valid(text) {
		t.Errorf("%v: %s", err, text)
	}
}

// Each file of the examples is on their page.
func TestThePageNamesEveryExample(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../brood/examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../brood/examples/*.*")
	if err != nil || len(files) < 2 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name != "README.md" && !strings.Contains(string(page), "]("+name+")") {
			t.Errorf("%s is not on the page", name)
		}
	}
}
