package main

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/figures"
	"brood/ipc/admin"
)

func newStatus() *cobra.Command {
	var asJSON bool
	cmd := onServer(&cobra.Command{
		Use:   "status",
		Short: "Say how the running server is",
		Long: `Status says what the running server is, what it serves from where, what it is
doing, what operators have told it for a time, and what it has counted since its
start. Counters that are 0 are left out, but not of --json, whose keys are those of
supervisor/ADMIN.md.`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		status, err := s.status()
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd, status)
		}
		if _, err := fmt.Fprint(cmd.OutOrStdout(), describe(status)); err != nil {
			return failure{err}
		}
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print all of it as JSON")
	return cmd
}

// describe is a status for people.
func describe(s *admin.Status) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("server", "%s, pid %d", cmp.Or(s.Program, "no name"), s.PID)
	state := fmt.Sprintf("%s since %s, for %s", s.State, s.Since.Format(time.DateTime), figures.Age(seconds(s.Uptime)))
	if s.State != "serving" {
		state = s.State
	}
	if s.DrainLeft > 0 {
		state += ", for " + figures.Age(seconds(s.DrainLeft)) + " at most"
	}
	line("state", "%s", strings.Join(append([]string{state}, s.Besides()...), ", "))
	line("configuration", "%s, generation %d, log level %s", cmp.Or(s.Config, "flags alone"), s.Generation, s.LogLevel)
	line("addresses", "%s", strings.Join(s.Listeners, ", "))
	line("sandbox", "%s", s.Sandbox)
	line("sessions", "%d of %d run, %d requests wait", s.Active, s.MaxSessions, s.Waiting)
	line("idle workers", "%d, and %d on their way", s.Idle, s.Starting)
	for _, r := range s.Rules {
		what := "deny"
		if r.Allow {
			what = "allow"
		}
		line("rule", "%s %s for %s", what, r.Prefix, figures.Age(seconds(r.Left)))
	}
	b.WriteString("\n")
	v := reflect.ValueOf(s.Counters)
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if n := v.Field(i).Uint(); n > 0 && key == "bytes" {
			fmt.Fprintf(&b, "%-20s %d (%s)\n", key, n, figures.Size(int64(n)))
		} else if n > 0 {
			fmt.Fprintf(&b, "%-20s %d\n", key, n)
		}
	}
	return b.String()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
