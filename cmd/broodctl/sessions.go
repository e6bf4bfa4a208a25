package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/figures"
	"brood/cmd/broodctl/internal/get"
	"brood/ipc/admin"
)

func newSessions() *cobra.Command {
	var asJSON, watch bool
	var every time.Duration
	cmd := onServer(&cobra.Command{
		Use:   "sessions",
		Short: "List the sessions that run and the requests that wait",
		Long: `Sessions lists each session: its number, by which kill knows it, its client, what
it gets, and how that goes. Workers report once a second; of a session that has just
begun not everything is known. A round trip is smoothed, a rate is that of the last
second.

With --watch the list is printed anew, on a terminal in its own place, until the
server ends. With --watch --json each line is an event instead: first that from now on
all is told, then each session that begins, gets on or ends, and at last that the
server is gone.`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		switch {
		case watch && asJSON:
			return s.printEvents(cmd.OutOrStdout())
		case watch && every < 100*time.Millisecond:
			return fmt.Errorf("--every %v: want at least 100ms", every)
		case watch:
			return s.watchSessions(cmd.OutOrStdout(), every)
		}
		all, err := ask[admin.Session](s, admin.Request{Kind: admin.KindSessions})
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd, append([]admin.Session{}, all...))
		}
		return printSessions(cmd.OutOrStdout(), all)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything that is known, as JSON")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on, until the server ends")
	cmd.Flags().DurationVar(&every, "every", time.Second, "with --watch, print each `D`")
	return cmd
}

// printSessions prints a table, oldest first.
func printSessions(w io.Writer, all []admin.Session) error {
	slices.SortFunc(all, func(a, b admin.Session) int { return cmp.Compare(a.ID, b.ID) })
	t := new(table)
	t.row("ID", "CLIENT ", "MAC ", "FILE ", "STATE ", "DONE", "SIZE", "RATE", "RTT", "AGAIN", "AGE", "WORKER")
	for _, s := range all {
		size, done, rtt, worker := "-", figures.Size(int64(s.Bytes)), "-", "-"
		if s.Size >= 0 {
			size = figures.Size(s.Size)
		}
		if s.Size > 0 {
			done = fmt.Sprintf("%.0f %%", 100*min(1, float64(s.Bytes)/float64(s.Size)))
		}
		if s.RoundTrip > 0 {
			rtt = figures.Span(seconds(s.RoundTrip))
		}
		if s.Worker > 0 {
			worker = fmt.Sprint(s.Worker)
		}
		t.row(s.ID, s.Peer, orDash(s.MAC), s.File, s.State, done, size, figures.Size(int64(s.Rate))+"/s", rtt, s.Retransmissions, figures.Age(seconds(s.Age)), worker)
	}
	return t.print(w)
}

// watchSessions prints the table time after time. Each time it connects anew: after
// an upgrade another process answers.
func (s *socket) watchSessions(w io.Writer, every time.Duration) error {
	terminal := get.IsTerminal(w)
	for first := true; ; first = false {
		all, err := ask[admin.Session](s, admin.Request{Kind: admin.KindSessions})
		if err != nil {
			return err
		}
		switch {
		case terminal:
			io.WriteString(w, "\x1b[H\x1b[J") // home, and clear what follows
		case !first:
			io.WriteString(w, "\n")
		}
		if err := printSessions(w, all); err != nil {
			return err
		}
		time.Sleep(every)
	}
}

// printEvents prints what happens, a line each.
func (s *socket) printEvents(w io.Writer) error {
	o, err := s.dial(0)
	if err != nil {
		return err
	}
	defer o.Close()
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	var unwritten error
	err = admin.Each(o.Client, admin.Request{Kind: admin.KindEvents, Text: "progress"}, func(e admin.Event) error {
		unwritten = lines.Encode(e)
		return unwritten
	})
	if unwritten != nil {
		return failure{unwritten}
	}
	var slow *admin.Error
	if errors.As(err, &slow) && slow.Code == admin.CodeSlow {
		return failure{errors.New("the server has cut this off: what it says was not taken in time")}
	}
	return explained(o.where, err)
}
