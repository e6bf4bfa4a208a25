package main

import (
	"errors"
	"fmt"

	"brood/cmd/broodctl/internal/top"
	"brood/ipc/admin"
)

// snapshot asks for all that is on the screen, on one connection.
func (s *socket) snapshot(client string) (*top.Snapshot, error) {
	o, err := s.dial(answersWithin)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	seen := &top.Snapshot{Hello: o.Hello, Client: client}
	status, err := admin.All[admin.Status](o.Client, admin.Request{Kind: admin.KindStatus})
	if err == nil && len(status) != 1 {
		err = fmt.Errorf("the server has %d statuses", len(status))
	}
	if err != nil {
		return nil, explained(o.where, err)
	}
	seen.Status = status[0]
	if seen.Sessions, err = admin.All[admin.Session](o.Client, admin.Request{Kind: admin.KindSessions}); err != nil {
		return nil, explained(o.where, err)
	}
	if client != "" {
		seen.History, err = admin.All[admin.Ended](o.Client, admin.Request{Kind: admin.KindHistory, Text: client, Number: top.MostHistory})
	}
	return seen, explained(o.where, err)
}

// untilGone returns when the server goes, with the reason that it gave, if any; or when
// it does not want anybody to wait for that.
func (s *socket) untilGone() (reason string, gone bool) {
	o, err := s.dial(0)
	if err != nil {
		return "", false // whoever asks next is told
	}
	defer o.Close()
	err = admin.Each(o.Client, admin.Request{Kind: admin.KindEvents}, func(e admin.Event) error {
		reason = e.Reason
		return nil
	})
	var said *admin.Error
	return reason, !errors.As(err, &said) || said.Code == admin.CodeEnding
}

// kill ends a session of the process that was asked for it, and of no other.
func (s *socket) kill(target top.Target) error {
	o, err := s.dial(answersWithin)
	if err != nil {
		return err
	}
	defer o.Close()
	if o.Hello.PID != target.PID {
		return errors.New("another process serves now: that session is not its")
	}
	return explained(o.where, o.Do(admin.Request{Kind: admin.KindKill, Number: target.ID}))
}
