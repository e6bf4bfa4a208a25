package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"brood/cmd/internal/config"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with FILE, or what it says",
		Long: `Check reads a configuration file and prints what it says, with paths resolved, or
all that is wrong with it, a line each: FILE:LINE:COLUMN: what. What the file names
is looked at as far as you may; the server's users may be allowed more, or less.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, r, err := settled(args[0], nil)
			if err != nil {
				return err
			}
			contents, err := config.Open(r.Worker, config.Program{})
			if err == nil {
				err = contents.Check()
			}
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: %v\n", args[0], err)
			}
			return show(cmd.OutOrStdout(), &file.Document)
		},
	}
}
