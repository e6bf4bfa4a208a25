package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/get"
	"brood/cmd/broodctl/internal/health"
)

// verdict is a probe's exit code, which its line has explained.
type verdict struct{ health.Level }

func (v verdict) Error() string { return v.String() }
func (v verdict) ExitCode() int { return int(v.Level) }

func newProbe() *cobra.Command {
	var limits health.Limits
	var url string
	var within time.Duration
	cmd := onServer(&cobra.Command{
		Use:   "probe",
		Short: "Say whether the server is well, for monitoring systems and containers",
		Long: `Probe asks the running server how it is, and with --fetch gets a file from it by TFTP,
as its clients do. It prints one line with figures, as Nagios plugins do, and its exit
code is theirs:

    0  OK
    1  WARNING: it does not serve at the moment, all places are taken, or as many wait
       as --warn-waiting says
    2  CRITICAL: nobody answers, the file does not come, or as many wait as
       --crit-waiting says
    3  UNKNOWN: the server can't be asked: no permission, or wrong arguments

It needs to be let in by the socket, but no right to change anything (an ACL:
setfacl -m u:nagios:rw /run/brood/admin.sock). It is not called check, which looks at
configuration files.`,
		Example: `  broodctl probe --fetch tftp://127.0.0.1/health --warn-waiting 10
  HEALTHCHECK CMD ["broodctl", "probe"]`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return unknown(cmd, err)
			}
			return nil
		},
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		r := s.probe(cmd.Context(), limits, url, within)
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), r.Line()); err != nil {
			return failure{err}
		}
		if r.Level != health.OK {
			return verdict{r.Level}
		}
		return nil
	})
	cmd.Flags().IntVar(&limits.Warn, "warn-waiting", 0, "WARNING from `N` requests on that wait for a worker; 0: never")
	cmd.Flags().IntVar(&limits.Crit, "crit-waiting", 0, "CRITICAL from `N` requests on that wait for a worker; 0: never")
	cmd.Flags().StringVar(&url, "fetch", "", "get this `URL`, tftp://HOST[:PORT]/FILE, too")
	cmd.Flags().DurationVar(&within, "timeout", 10*time.Second, "how long the fetch may take: `D`")
	cmd.SetFlagErrorFunc(unknown)
	return cmd
}

// unknown is for wrong arguments, whose usual exit code would be CRITICAL.
func unknown(cmd *cobra.Command, err error) error {
	r := new(health.Report)
	r.Say(health.Unknown, "%v", err)
	fmt.Fprintln(cmd.OutOrStdout(), r.Line())
	return verdict{r.Level}
}

func (s *socket) probe(ctx context.Context, limits health.Limits, url string, within time.Duration) *health.Report {
	r := new(health.Report)
	status, err := s.status()
	var gone lost
	switch {
	case err == nil:
		r.Server(status, limits)
	case errors.As(err, &gone) && !gone.denied:
		r.Say(health.Critical, "%v", err)
	default:
		r.Say(health.Unknown, "%v", err)
	}
	if url == "" {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := fetch(ctx, r, url); err != nil {
		r.Say(health.Unknown, "--fetch %s: %v", url, err)
	}
	return r
}

// fetch gets a file, and reports how that went. The error is that the URL is wrong.
func fetch(ctx context.Context, r *health.Report, url string) error {
	location, err := get.ParseLocation(url)
	if err != nil {
		return err
	}
	f := &get.Fetcher{Location: location, Note: func(string) {}}
	f.Settings = get.Settings{Blksize: 1428, Windowsize: 4, Tsize: true, Timeout: time.Second, Retries: 5}
	if location.Mode != nil {
		f.Settings.Mode = *location.Mode
	}
	if f.Servers, err = location.Addresses(ctx, "", net.DefaultResolver.LookupNetIP); err != nil {
		r.Say(health.Critical, "%v", err)
		return nil
	}
	session := f.Fetch(ctx, io.Discard, nil)
	r.Fetched(location.String(), session.Bytes, session.Total)
	if session.Err != nil {
		why := error(session.Err) // which names the file
		if ctx.Err() != nil {
			why = fmt.Errorf("%v: not within the time that it may take, after %d bytes", location, session.Bytes)
		}
		r.Say(health.Critical, "%v", why)
	}
	return nil
}
