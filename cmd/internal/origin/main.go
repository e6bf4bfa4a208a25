package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"brood/ipc"
)

// Main is `broodctl origin`, as the supervisor starts it: Settings, encoded, on
// standard input, the supervisor's words on ipc.Control, and a line on standard error
// for what an operator should know. SIGTERM ends it at once: what has come in is
// resumed by the next.
func Main() error {
	if os.Getenv(ipc.RoleEnv) != ipc.RoleHelper {
		return errors.New("broodctl origin is started by brood serve, for content of kind origin; by hand it has nobody to answer")
	}
	b, err := io.ReadAll(os.Stdin)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	s, err := Decode(b)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	h, err := New(ctx, s, func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) })
	if err != nil {
		return err
	}
	return h.Serve(ctx, ipc.Control)
}
