package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brood/cmd/internal/config"
	"brood/ipc/admin"
)

func newShowConfig() *cobra.Command {
	var given []config.Setting
	set := flag.NewFlagSet("", flag.ContinueOnError)
	config.Record(set, &given)
	cmd := onServer(&cobra.Command{
		Use:   "show-config [FILE [flags of brood serve]]",
		Short: "Print the configuration that FILE and flags give, or that of the running server",
		Args:  cobra.MaximumNArgs(1),
	}, func(cmd *cobra.Command, args []string, s *socket) error {
		if len(args) == 0 && len(given) > 0 {
			return errors.New("flags are said over a FILE: which?")
		}
		if len(args) == 0 {
			return s.showConfig(cmd.OutOrStdout())
		}
		file, r, err := settled(args[0], given)
		if err != nil {
			return err
		}
		file.Server = r.Server
		return show(cmd.OutOrStdout(), &file.Document)
	})
	cmd.Flags().AddGoFlagSet(set)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // for the manual page and completions
		if f.Usage == "" {
			f.Usage = descriptions()[f.Name]
		}
	})
	cmd.SetUsageTemplate(cmd.UseLine() + `

Without a FILE it asks the running server what is in force, at the socket that --socket
PATH, or else $` + socketEnv + `, or else ` + defaultSocket + ` is.

` + config.Help)
	return cmd
}

// showConfig prints what is in force.
func (s *socket) showConfig(w io.Writer) error {
	chunks, err := ask[admin.Chunk](s, admin.Request{Kind: admin.KindConfig})
	if err != nil {
		return err
	}
	var b []byte
	for _, c := range chunks {
		b = append(b, c.Bytes...)
	}
	c, err := config.Decode(b)
	if err != nil {
		return failure{fmt.Errorf("the server's configuration: %w", err)}
	}
	var server config.Server
	if err := server.Apply(c.Server); err != nil {
		return failure{fmt.Errorf("the server's configuration: %w", err)}
	}
	text, err := shown(&server)
	if err == nil {
		_, err = w.Write(append(text, c.Served...))
	}
	if err != nil {
		return failure{err}
	}
	return nil
}
