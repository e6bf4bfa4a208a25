// Package config is what `brood serve` can be told: the flags and the keys of the
// configuration file, which are one table, the contents that can be served, and
// the compiled form in which broodctl hands a file to brood and brood to its workers.
//
// Server is the table: its fields with their tags are the keys, with two dashes
// before them the flags, and their comments the help, the README's table and the
// schema's descriptions. After a change of it `go generate ./cmd/internal/config`
// writes these anew; a test knows when they are not.
//
// Nothing here reads YAML: brood imports this package.
package config

//go:generate go run brood/cmd/internal/config/generate
