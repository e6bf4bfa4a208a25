package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"brood/cmd/internal/config"
	"brood/ipc/admin"
)

func newLogLevel() *cobra.Command {
	levels := config.LogLevel("").Words()
	return onServer(&cobra.Command{
		Use:       "log-level LEVEL",
		Short:     "Have the server log more, or less",
		Long:      "Log-level is in force at once and until the next reload. LEVEL is " + strings.Join(levels, ", ") + ".",
		Args:      cobra.ExactArgs(1),
		ValidArgs: levels,
	}, func(_ *cobra.Command, args []string, s *socket) error {
		if !slices.Contains(levels, args[0]) {
			return fmt.Errorf("level %q: want one of %s", args[0], strings.Join(levels, ", "))
		}
		return s.do(answersWithin, admin.Request{Kind: admin.KindLogLevel, Text: args[0]})
	})
}
