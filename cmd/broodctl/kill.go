package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"brood/ipc/admin"
)

func newKill() *cobra.Command {
	return onServer(&cobra.Command{
		Use:   "kill SESSION...",
		Short: "End sessions, by their numbers in the list",
		Long: `Kill ends sessions: their clients are told ERROR 0, "Server ended the session". A
client may ask again; deny keeps it from being served.`,
		Args: cobra.MinimumNArgs(1),
	}, func(_ *cobra.Command, args []string, s *socket) error {
		var ids []uint64
		for _, arg := range args {
			id, err := strconv.ParseUint(arg, 10, 64)
			if err != nil {
				return fmt.Errorf("session %q: want a number, as `broodctl sessions` has it", arg)
			}
			ids = append(ids, id)
		}
		var failures []error
		for _, id := range ids {
			if err := s.do(answersWithin, admin.Request{Kind: admin.KindKill, Number: id}); err != nil {
				failures = append(failures, err)
			}
		}
		return errors.Join(failures...)
	})
}
