package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/get"
	"brood/protocol"
)

// getFlags are the flags of broodctl get.
type getFlags struct {
	output              string
	check               string
	mode                string
	netascii            bool
	local               string
	ip4, ip6            bool
	tsize               string
	settings            get.Settings
	quiet, json         bool
	repeat, concurrency int
}

func newGet() *cobra.Command {
	f := getFlags{}
	cmd := &cobra.Command{
		Use:   "get [flags] tftp://HOST[:PORT]/FILE[;mode=MODE]",
		Short: "Get a file by TFTP, or the same file many times",
		Long: `Get reads a file from any TFTP server. It is kept in a temporary file beside
its place, and put there when it is complete and checked; nothing is left of one
that is not. On a terminal a bar shows how it goes.

The URL is that of RFC 3617: escapes such as %20 stand for bytes of the name, and
a second slash begins an absolute one. IPv6 addresses stand in brackets, with the
interface where it takes one: tftp://[fe80::1%25eth0]/file. Where a name has several
addresses they are tried in turn until one answers.

With --repeat the file is got so often, --concurrency times at once, what comes is
dropped, and a summary tells how that went.

Exit codes:

    0    complete
    1    the server answered ERROR, or what TFTP does not allow
    2    wrong arguments
    3    nobody answers, the server fell silent, or the host is unknown
    4    what comes can't be written, or nothing be sent
    5    the content is not what --check says, or not as long as the server said
    130  interrupted

With --repeat it is that of the failure which came most often.`,
		Example: `  broodctl get tftp://192.0.2.1/pxelinux.0
  broodctl get --check sha256:9f86d0... -o /tmp/k tftp://boot.example.net/vmlinuz
  broodctl get --repeat 1000 --concurrency 100 tftp://192.0.2.1/initrd.img`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE`, or to standard output if it is - (default: the last part of the name, here)")
	flags.StringVar(&f.check, "check", "", "the content's `DIGEST`, as sha256:HEX; what has another is not kept")
	flags.StringVar(&f.mode, "mode", "", "transfer `MODE`, octet or netascii, whatever the URL says (default octet)")
	flags.BoolVar(&f.netascii, "netascii", false, "the same as --mode netascii: a text, whose line ends become those of Unix")
	flags.StringVar(&f.local, "local", "", "send from this `ADDRESS` of this machine")
	flags.BoolVarP(&f.ip4, "ipv4", "4", false, "use IPv4 only")
	flags.BoolVarP(&f.ip6, "ipv6", "6", false, "use IPv6 only")
	flags.IntVar(&f.settings.Blksize, "blksize", 1428, "ask for blocks of `N` bytes, 8 to 65464; 0: do not ask, which gives 512")
	flags.IntVar(&f.settings.Windowsize, "windowsize", 16, "ask for windows of `N` blocks, 1 to 65535; 0: do not ask, which gives 1")
	flags.StringVar(&f.tsize, "tsize", "on", "ask for the file's size, in mode octet: `on|off`")
	flags.DurationVar(&f.settings.Timeout, "timeout", time.Second, "wait for `D` before a packet is repeated, twice as long the next time, 10ms to 255s; if given, the server is asked for the same")
	flags.IntVar(&f.settings.Retries, "retries", 5, "repeat a packet at most `N` times without an answer, 0 to 100")
	flags.IntVar(&f.repeat, "repeat", 1, "get the file `N` times and keep none")
	flags.IntVar(&f.concurrency, "concurrency", 1, "with --repeat, `M` at once")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no bar and say nothing but errors")
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON on standard output, of a single session too")
	cmd.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	cmd.MarkFlagsMutuallyExclusive("mode", "netascii")
	cmd.MarkFlagsMutuallyExclusive("output", "repeat")
	return cmd
}

func (f *getFlags) run(cmd *cobra.Command, url string) error {
	location, err := get.ParseLocation(url)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	f.settings.AskTimeout = cmd.Flags().Changed("timeout")
	family, err := f.settle(location)
	if err != nil {
		return err
	}
	fetcher := &get.Fetcher{Location: location, Settings: f.settings, Note: func(string) {}}
	load := cmd.Flags().Changed("repeat")
	if !load && cmd.Flags().Changed("concurrency") {
		return errors.New("--concurrency goes with --repeat")
	}
	if f.check != "" {
		if fetcher.Check, err = get.ParseDigest(f.check); err != nil {
			return fmt.Errorf("--check %q: %w", f.check, err)
		}
	}
	var screen io.Writer
	if stderr := cmd.ErrOrStderr(); !f.quiet {
		// What is written to the same terminal would run through the bar.
		if get.IsTerminal(stderr) && !(f.output == "-" && get.IsTerminal(cmd.OutOrStdout())) {
			screen = stderr
		}
		if !load { // whose summary says what there is to say
			fetcher.Note = func(text string) { fmt.Fprintln(stderr, "note:", text) }
		}
	}
	// Whoever reads what we write may go; the server is then told.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// Before anybody is asked: what can't be kept is not got.
	var output *get.Output
	if !load {
		if output, err = f.open(cmd, location); err != nil {
			return err
		}
	}
	if fetcher.Servers, err = location.Addresses(ctx, family, net.DefaultResolver.LookupNetIP); err != nil {
		if output != nil {
			output.Discard()
		}
		return err
	}
	if load {
		return f.tell(cmd, fetcher.Load(ctx, f.repeat, f.concurrency, screen))
	}
	return f.once(ctx, cmd, fetcher, output, screen)
}

func (f *getFlags) once(ctx context.Context, cmd *cobra.Command, fetcher *get.Fetcher, output *get.Output, screen io.Writer) error {
	s := fetcher.Once(ctx, output, screen)
	if f.json {
		if err := get.SummaryOf(s).WriteJSON(cmd.OutOrStdout()); err != nil {
			return failure{err}
		}
	}
	if s.Err != nil {
		return s.Err
	}
	return nil
}

// tell prints what a load test came to.
func (f *getFlags) tell(cmd *cobra.Command, sum *get.Summary) error {
	write := sum.WriteText
	if f.json {
		write = sum.WriteJSON
	}
	if err := write(cmd.OutOrStdout()); err != nil {
		return failure{err}
	}
	return sum.Err()
}

func (f *getFlags) open(cmd *cobra.Command, location *get.Location) (*get.Output, error) {
	switch {
	case f.output == "-" && f.json:
		return nil, errors.New("--json and --output - would both write to standard output")
	case f.output == "-":
		return get.To(cmd.OutOrStdout(), "standard output"), nil
	case f.output != "":
		return get.Create(f.output)
	case location.Base() == "":
		return nil, fmt.Errorf("%v: its name ends with no name to keep it under: say --output FILE", location)
	}
	return get.Create("./" + location.Base())
}

// settle checks the flags that are more than a value, and takes them over.
func (f *getFlags) settle(location *get.Location) (get.Family, error) {
	s := &f.settings
	within := func(name string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("--%s %d: want %d to %d", name, v, low, high)
		}
		return nil
	}
	var faults []error
	if s.Blksize != 0 {
		faults = append(faults, within("blksize", s.Blksize, protocol.MinBlksize, protocol.MaxBlksize))
	}
	faults = append(
		faults,
		within("windowsize", s.Windowsize, 0, protocol.MaxWindowsize),
		within("retries", s.Retries, 0, 100),
		within("repeat", f.repeat, 1, 1e9),
		within("concurrency", f.concurrency, 1, 10_000),
	)
	if s.Timeout < 10*time.Millisecond || s.Timeout > 255*time.Second {
		faults = append(faults, fmt.Errorf("--timeout %v: want 10ms to 255s", s.Timeout))
	}
	if s.Tsize = f.tsize == "on"; !s.Tsize && f.tsize != "off" {
		faults = append(faults, fmt.Errorf("--tsize %q: want on or off", f.tsize))
	}
	if location.Mode != nil {
		s.Mode = *location.Mode
	}
	if f.netascii {
		s.Mode = protocol.Netascii
	}
	if f.mode != "" {
		mode, err := get.ParseMode(f.mode)
		if err != nil {
			err = fmt.Errorf("--mode: %w", err)
		}
		s.Mode, faults = mode, append(faults, err)
	}
	family, err := f.family()
	return family, errors.Join(append(faults, err)...)
}

func (f *getFlags) family() (get.Family, error) {
	family := get.Family("ip")
	switch {
	case f.ip4:
		family = "ip4"
	case f.ip6:
		family = "ip6"
	}
	if f.local == "" {
		return family, nil
	}
	addr, err := netip.ParseAddr(f.local)
	if err != nil {
		return family, fmt.Errorf("--local %q: want an IP address of this machine", f.local)
	}
	f.settings.Local = addr.Unmap()
	own := get.Family("ip6")
	if f.settings.Local.Is4() {
		own = "ip4"
	}
	if family != "ip" && family != own {
		return family, fmt.Errorf("--local %v is of another family than asked for", addr)
	}
	return own, nil
}
