package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brood/ipc/admin"
	"brood/supervisor"
)

const rulesLong = ` Of the rules that a client is in the
longest decides, whatever the configuration says. They are listed by status, survive
reloads and upgrades, and are gone when their time is over or the server ends.`

// year is as long as a server lets a rule be.
const year = 366 * 24 * time.Hour

func newDeny() *cobra.Command {
	return newRule(&cobra.Command{
		Use:   "deny PREFIX --for D",
		Short: "Refuse clients for a time",
		Long: `Deny has the server answer requests of a network (10.1.0.0/16, 2001:db8::/32) or an
address with ERROR 2. Sessions that run go on; kill ends them.` + rulesLong,
	}, admin.KindDeny)
}

func newAllow() *cobra.Command {
	return newRule(&cobra.Command{
		Use:   "allow PREFIX --for D",
		Short: "Serve clients for a time that are denied otherwise",
		Long: `Allow has the server answer requests of a network (10.1.0.0/16, 2001:db8::/32) or an
address that it would refuse otherwise.` + rulesLong,
	}, admin.KindAllow)
}

func newRule(cmd *cobra.Command, kind admin.Kind) *cobra.Command {
	var d time.Duration
	var lift bool
	cmd.Args = cobra.ExactArgs(1)
	onServer(cmd, func(cmd *cobra.Command, args []string, s *socket) error {
		p, err := supervisor.ParsePrefix(args[0])
		switch {
		case err != nil:
			return err
		case lift && cmd.Flags().Changed("for"):
			return errors.New("--for makes a rule and --lift takes it back: want one of them")
		case !lift && !cmd.Flags().Changed("for"):
			return errors.New("for how long? --for 1h, or --lift to take a rule back")
		case !lift && d < time.Millisecond:
			return fmt.Errorf("--for %v: want a duration with its unit, such as 10m or 8h", d)
		case d > year:
			return fmt.Errorf("--for %v: want a year at most, %v; say the rest in the configuration", d, year)
		case lift:
			d = 0
		}
		return s.do(answersWithin, admin.Request{Kind: kind, Text: p.String(), Number: uint64(d / time.Millisecond)})
	})
	cmd.Flags().DurationVar(&d, "for", 0, "how long it holds: `D`, such as 10m or 8h, a year at most")
	cmd.Flags().BoolVar(&lift, "lift", false, "take the rule back")
	return cmd
}
