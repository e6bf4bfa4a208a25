package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// release is set by the Makefile.
var release = "devel"

func newMan() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man --dir DIR",
		Short: "Write the manual pages of broodctl",
		Long: `Man writes a manual page for broodctl and one for each of its commands, in
section 1, into a directory that there is. They have today's date, or that of
SOURCE_DATE_EPOCH.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(dir); err != nil {
				return failure{err}
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // it has the day of the call
			header := &doc.GenManHeader{Section: "1", Source: "brood " + release, Manual: "brood"}
			if err := doc.GenManTree(root, header, dir); err != nil {
				return failure{fmt.Errorf("%s: %w", dir, err)}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write the pages into `DIR`")
	cmd.MarkFlagRequired("dir")
	return cmd
}
