package main

import (
	"flag"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brood/cmd/internal/config"
)

func newShowConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show-config FILE [flags of brood serve]",
		Short: "Print the configuration that FILE and flags give, defaults included",
		Args:  cobra.ExactArgs(1),
	}
	var given []config.Setting
	set := flag.NewFlagSet("", flag.ContinueOnError)
	config.Record(set, &given)
	cmd.Flags().AddGoFlagSet(set)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = descriptions()[f.Name] }) // for the manual page and completions
	cmd.SetUsageTemplate(cmd.UseLine() + "\n\n" + config.Help)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, r, err := settled(args[0], given)
		if err != nil {
			return err
		}
		file.Server = r.Server
		return show(cmd.OutOrStdout(), &file.Document)
	}
	return cmd
}
