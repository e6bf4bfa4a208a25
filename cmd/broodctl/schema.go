package main

import (
	_ "embed"
	"encoding/json"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"
)

// schemaText is generated; see package config.
//
//go:embed brood.schema.json
var schemaText string

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configuration files, for editors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := io.WriteString(cmd.OutOrStdout(), schemaText); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}

var descriptions = sync.OnceValue(func() map[string]string {
	var s struct {
		Properties map[string]struct{ Description string }
	}
	json.Unmarshal([]byte(schemaText), &s) // a test reads it
	all := make(map[string]string)
	for key, p := range s.Properties {
		all[key] = p.Description
	}
	return all
})

// defaultOf is what the documentation says about a key that is not said.
func defaultOf(key string) string {
	_, text, _ := strings.Cut(descriptions()[key], "Default: ")
	return strings.TrimSuffix(text, ".")
}
