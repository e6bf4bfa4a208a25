package main

import (
	"github.com/spf13/cobra"

	"brood/cmd/internal/origin"
)

func newOrigin() *cobra.Command {
	return &cobra.Command{
		Use:   "origin",
		Short: "Fetch content of HTTP(S) repositories for workers; brood runs this itself",
		Long: `Origin is the helper that workers ask for content of kind origin: it fetches each
file once for all of them and keeps a bounded cache on disk. brood starts it, as a
user of its own, and tells it on standard input what it may fetch.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := origin.Main(); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}
