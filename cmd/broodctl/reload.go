package main

import (
	"github.com/spf13/cobra"

	"brood/ipc/admin"
)

func newReload() *cobra.Command {
	return onServer(&cobra.Command{
		Use:   "reload",
		Short: "Have the server read its configuration anew",
		Long: `Reload does what SIGHUP does, and waits until it is known what came of it. If the new
configuration can't be used it says why, and nothing has changed.`,
		Args: cobra.NoArgs,
	}, func(_ *cobra.Command, _ []string, s *socket) error {
		return s.do(reloadsWithin, admin.Request{Kind: admin.KindReload})
	})
}
