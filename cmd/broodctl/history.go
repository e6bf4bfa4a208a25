package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/figures"
	"brood/ipc/admin"
)

func newHistory() *cobra.Command {
	var asJSON bool
	var peer, mac string
	var most uint64
	cmd := onServer(&cobra.Command{
		Use:   "history",
		Short: "List sessions that have ended, the latest first",
		Long: `History lists what the server remembers of sessions that have ended: the last 2048
of this process, as long as they were worth a line of its log. Outcomes are words of
the README's table.`,
		Example: `  broodctl history --mac 52:54:00:12:34:56
  broodctl history --peer 10.1.0.0/16 --limit 0 --json`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		all, err := ask[admin.Ended](s, admin.Request{Kind: admin.KindHistory, Text: peer + mac, Number: most})
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd, append([]admin.Ended{}, all...))
		}
		return printHistory(cmd.OutOrStdout(), all)
	})
	cmd.Flags().StringVar(&peer, "peer", "", "only of this client `ADDRESS`, or prefix")
	cmd.Flags().StringVar(&mac, "mac", "", "only of the client with this `MAC`")
	cmd.MarkFlagsMutuallyExclusive("peer", "mac")
	cmd.Flags().Uint64Var(&most, "limit", 100, "at most `N`; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything that is known, as JSON")
	return cmd
}

func printHistory(w io.Writer, all []admin.Ended) error {
	t := new(table)
	t.row("REQUESTED ", "ID", "CLIENT ", "MAC ", "FILE ", "OUTCOME ", "BYTES", "TOOK", "RATE", "AGAIN", "DETAIL ")
	for _, e := range all {
		took := seconds(e.Duration)
		detail := e.Detail
		if e.ErrorCode != 0 {
			detail = fmt.Sprintf("ERROR %d %s", e.ErrorCode, detail)
		}
		t.row(e.Received.Local().Format(time.DateTime), e.ID, e.Peer, orDash(e.MAC), e.File, e.Outcome, figures.Size(int64(e.Bytes)),
			figures.Span(took), figures.Rate(int64(e.Bytes), took), e.Retransmissions, orDash(detail))
	}
	return t.print(w)
}
