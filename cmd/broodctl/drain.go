package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/figures"
	"brood/ipc/admin"
)

func newDrain() *cobra.Command {
	var wait bool
	cmd := onServer(&cobra.Command{
		Use:   "drain",
		Short: "Have the server end when its sessions have",
		Long: `Drain has the server close its ports, let the sessions that run finish, for 30 s at
most, and end. That is what SIGTERM does. A service manager that restarts what has
ended well starts it again.`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		if !wait {
			return s.do(answersWithin, admin.Request{Kind: admin.KindDrain})
		}
		return s.drain(func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) })
	})
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for its end, and say what is left meanwhile")
	return cmd
}

// drain waits for the server's last word.
func (s *socket) drain(note func(string)) error {
	watcher, err := s.dial(0)
	if err != nil {
		return err
	}
	defer watcher.Close()
	reason, ended, watching := "", make(chan error, 1), make(chan struct{})
	go func() {
		ended <- admin.Each(watcher.Client, admin.Request{Kind: admin.KindEvents}, func(e admin.Event) error {
			switch e.Event {
			case admin.EventWatching:
				close(watching)
			case admin.EventGone:
				reason = e.Reason
			}
			return nil
		})
	}()
	last := func(err error) error {
		switch {
		case err != nil:
			return explained(watcher.where, err)
		case reason != admin.ReasonDrained:
			return failure{errors.New("another process has taken over before: it serves on")}
		}
		return nil
	}
	select { // or the last word could come before anybody hears it
	case <-watching:
	case err := <-ended:
		return last(err)
	}
	if err := s.do(answersWithin, admin.Request{Kind: admin.KindDrain}); err != nil {
		return err
	}
	for tick := time.NewTicker(2 * time.Second); ; {
		select {
		case err := <-ended:
			return last(err)
		case <-tick.C:
			if status, err := s.status(); err == nil {
				note(fmt.Sprintf("%s: %d sessions are left, %s at most", status.State, status.Active, figures.Age(seconds(status.DrainLeft))))
			}
		}
	}
}
