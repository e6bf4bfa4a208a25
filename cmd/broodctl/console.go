package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/console"
	"brood/cmd/internal/config"
)

func newConsole() *cobra.Command {
	var listen, tokenFile string
	cmd := onServer(&cobra.Command{
		Use:   "console",
		Short: "Answer HTTP requests: Prometheus metrics, health, JSON",
		Long: `Console serves HTTP for a running server, which it asks at its admin socket:
metrics, health, sessions, machines and how far they are with their boots, events.
Whoever can connect may look, so it listens to this machine alone unless it is told
otherwise; what changes the server needs the token, if there is one. /api/v1/openapi.json
describes all of it.`,
		Example: `  broodctl console
  broodctl console --listen 0.0.0.0:9069 --token-file /etc/brood/token
  curl -s http://127.0.0.1:9069/metrics`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		if asHelper() {
			ctx, cancel := untilSignal(cmd.Context())
			defer cancel()
			return helperConsole(ctx, cmd)
		}
		address, err := consoleAddress(listen)
		if err != nil {
			return err
		}
		token, err := readToken(tokenFile)
		if err != nil {
			return err
		}
		// Not before the token is there: until then, which is for ever where it is a
		// FIFO that nobody writes to, signals end the process as they always do.
		ctx, cancel := untilSignal(cmd.Context())
		defer cancel()
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return failure{err}
		}
		return serveConsole(ctx, cmd, l, console.Options{Dial: s.dialConsole, Token: token})
	})
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9069", "`ADDRESS` and port to listen on; 0.0.0.0 or [::] is everywhere, no address is 127.0.0.1")
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "`FILE` with the token, at least 16 characters, of requests that change the server (default: nothing can be changed)")
	return cmd
}

func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
}

func serveConsole(ctx context.Context, cmd *cobra.Command, l net.Listener, o console.Options) error {
	o.Version, o.Log = release, logTo(cmd.ErrOrStderr())
	// One processor is enough for it, and leaves others to transfers.
	runtime.GOMAXPROCS(1)
	c, err := console.New(o)
	if err == nil {
		err = c.Serve(ctx, l)
	}
	if err != nil {
		return failure{err}
	}
	return nil
}

// readToken reads a file that has a token on one line.
func readToken(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", failure{err}
	}
	defer f.Close()
	token, err := config.ReadToken(f)
	if err != nil {
		return "", failure{fmt.Errorf("%s: %w", name, err)}
	}
	return token, nil
}

// consoleAddress is where to listen: unless an address is said, only this machine can
// connect.
func consoleAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || port == "" {
		return "", fmt.Errorf("--listen %q: want ADDRESS:PORT, such as 127.0.0.1:9069", text)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// dialConsole connects as the console wants it.
func (s *socket) dialConsole(ctx context.Context) (io.ReadWriteCloser, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", s.where())
	if err != nil {
		return nil, unreachable(s.where(), err)
	}
	return conn, nil
}

// logTo writes what is logged, a line each.
func logTo(w io.Writer) func(message string, pairs ...any) {
	return func(message string, pairs ...any) {
		var b strings.Builder
		b.WriteString(message)
		for i := 0; i+1 < len(pairs); i += 2 {
			value := fmt.Sprint(pairs[i+1])
			if value == "" || strings.ContainsAny(value, " =\"\\") || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				value = fmt.Sprintf("%q", value)
			}
			fmt.Fprintf(&b, " %v=%s", pairs[i], value)
		}
		b.WriteString("\n")
		io.WriteString(w, b.String()) // at once: lines of several goroutines
	}
}
