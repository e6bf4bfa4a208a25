package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"brood/cmd/broodctl/internal/console"
	"brood/ipc"
)

// asHelper says whether brood has started this process, as its helper.
func asHelper() bool { return os.Getenv(ipc.RoleEnv) == ipc.RoleHelper }

// helperConsole is the console as `brood serve --http` starts it: the token, if there
// is one, on standard input, what to listen on already there, the server behind a door,
// and its end that of the control socket.
func helperConsole(ctx context.Context, cmd *cobra.Command) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	giveWay()
	// Helpers have an account in common: one that an origin has taken over is to reach
	// neither the token nor, through /proc, the way to the server.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return failure{fmt.Errorf("PR_SET_DUMPABLE: %w", err)}
	}
	go func() {
		for {
			_, socket, err := ipc.Hear(ipc.Control)
			ipc.CloseFD(socket)
			if err != nil && !errors.Is(err, ipc.ErrMalformed) {
				cancel()
				return
			}
		}
	}()
	token, err := io.ReadAll(cmd.InOrStdin())
	if err != nil {
		return failure{fmt.Errorf("reading the token: %w", err)}
	}
	inherited := os.NewFile(ipc.Listener, "listener")
	l, err := net.FileListener(inherited)
	inherited.Close()
	if err != nil {
		return failure{fmt.Errorf("what to listen on: %w", err)}
	}
	return serveConsole(ctx, cmd, l, console.Options{Dial: enter, Token: string(token)})
}

// giveWay has this process take CPU time when nobody else wants it: those who serve
// TFTP come first. That it is the only one of its session and group is the
// supervisor's doing.
func giveWay() {
	const last = 19
	unix.Setpriority(unix.PRIO_PGRP, 0, last)
	// Where the kernel shares time out to sessions first.
	os.WriteFile("/proc/self/autogroup", strconv.AppendInt(nil, last, 10), 0)
}

// enter connects to the server.
func enter(context.Context) (io.ReadWriteCloser, error) {
	fd, err := ipc.Enter(ipc.Door)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "the server"), nil
}
