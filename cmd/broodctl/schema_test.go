package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"brood/cmd/broodctl/internal/document"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schemaText))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("brood.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("brood.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func accepts(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// An editor takes each example for what brood takes it for.
func TestTheSchemaAcceptsTheExamples(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	paths, err := filepath.Glob("../brood/examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	seen := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := document.Read(path, text); err != nil {
			if err := accepts(t, s, text); err == nil {
				t.Errorf("%s: the schema accepts what brood does not", path)
			}
			continue // an inventory
		}
		seen++
		if err := accepts(t, s, text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if seen == 0 {
		t.Error("no example is a configuration")
	}
}

// What the schema says of small files is what brood says of them.
func TestTheSchemaSaysWhatBroodSays(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	for text, good := range map[string]bool{
		"{}":                               true,
		"root: /srv":                       true,
		"user: 65534":                      true,
		"user: tftp":                       true,
		"retries: 0":                       true,
		"timeout: 500ms":                   true,
		"stall-timeout: 0":                 true,
		"max-session-time: 1h30m":          true,
		"penalties: off":                   true,
		"single-port: true":                true,
		"listen: [':69', '[::1]:69']":      true,
		"content: {a: {files: {root: /}}}": true,
		"content: {a: {virtual: {text: {a: b}}}}\nrules: [{match: {file: [a]}, quirks: {mtu-clamp: on, max-blksize: 512}}]": true,
		"content: {a: {exec: {command: [/bin/true], deadline: 3s}}}":                                                        true,
		"rot: /srv":                        false,
		"root: [a]":                        false,
		"retries: -1":                      false,
		"retries: many":                    false,
		"timeout: 10":                      false,
		"stall-timeout: never":             false,
		"penalties: maybe":                 false,
		"listen: ':69'":                    false,
		"content: {a: {flies: {root: /}}}": false,
		"content: {a: {}}":                 false,
		"content: {a: {files: {rot: /}}}":  false,
		"content: {a: {virtual: {}, files: {root: /}}}": false,
		"rules: [{mach: {}}]":                           false,
	} {
		if err := accepts(t, s, []byte(text)); (err == nil) != good {
			t.Errorf("%s: the schema says %v", text, err)
		}
		if _, err := document.Read("f", []byte(text)); (err == nil) != good {
			t.Errorf("%s: brood says %v", text, err)
		}
	}
}
