package main

import (
	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/document"
	"brood/cmd/internal/config"
)

func newCompile() *cobra.Command {
	var stdin, workers bool
	cmd := &cobra.Command{
		Use:   "compile FILE",
		Short: "Print FILE in the form that brood reads; brood runs this itself",
		Long: `Compile prints a configuration file in the form that brood reads, or all that is
wrong with it. brood runs it at its start and at each reload, as a user of its own.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var file *document.File
			var err error
			if stdin {
				file, err = readText(args[0], cmd.InOrStdin())
			} else {
				file, err = readFile(args[0])
			}
			if err != nil {
				return err
			}
			if file.Compiled.Served, err = shown(&file.Served); err != nil {
				return failure{err}
			}
			b, err := file.Compiled.Encode()
			if workers {
				var r *config.Result
				if r, err = file.Compiled.Settle(".", nil); err == nil {
					b = r.Worker
				}
			}
			if err != nil {
				return failure{err}
			}
			if _, err := cmd.OutOrStdout().Write(b); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&stdin, "stdin", false, "read standard input; FILE is what it is called, and relative paths begin beside it")
	cmd.Flags().BoolVar(&workers, "workers", false, "print only what each worker is born with")
	return cmd
}
