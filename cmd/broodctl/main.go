// Command broodctl is what an operator of brood has besides the server: it gets files,
// and reads, checks and explains configuration files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes of the command.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// failure is what a command failed with, other than its arguments.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(context.Background())
	var failed failure
	var told verdict
	var coded interface{ ExitCode() int }
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &told):
		return told.ExitCode()
	case errors.As(err, &coded) && coded.ExitCode() != exitUsage:
		fmt.Fprintln(stderr, err)
		return coded.ExitCode()
	case errors.As(err, &failed):
		fmt.Fprintln(stderr, err)
		return exitError
	}
	fmt.Fprintf(stderr, "broodctl: %v\nTry %s --help.\n", err, cmd.CommandPath())
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "broodctl",
		Short: "broodctl is what an operator of brood has besides the server.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.New("which command?")
		},
		SilenceErrors: true, // run tells them
		SilenceUsage:  true,
		Version:       release,
	}
	root.AddCommand(newCheck(), newCompile(), newConsole(), newExplain(), newGet(), newMan(), newOrigin(), newSchema(), newShowConfig(),
		newStatus(), newSessions(), newHistory(), newDrain(), newReload(), newKill(), newLogLevel(), newDeny(), newAllow(), newProbe(), newTop())
	return root
}
