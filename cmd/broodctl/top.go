package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/get"
	"brood/cmd/broodctl/internal/top"
)

func newTop() *cobra.Command {
	var o top.Options
	cmd := onServer(&cobra.Command{
		Use:   "top",
		Short: "Show live what the server does, on a whole screen",
		Long: `Top shows each session, how far it is and how it goes, and of the server whether it
serves and what has gone wrong. Sessions are stuck, red and marked with !, when nothing
new was acknowledged for 5 s; they are lossy, yellow and marked with r, when of 20
packets one or more had to be sent again. The key ? says what other keys do.

It needs a terminal; NO_COLOR is heeded. A server that ends is waited for, and another
that comes in its place is shown.`,
		Example: `  broodctl top --sort rate
  broodctl top --sort -age --filter 'stuck 10.1.'`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, s *socket) error {
		model, err := top.New(o)
		if err != nil {
			return fmt.Errorf("--sort %w", err)
		}
		if o.Every < shortest {
			return fmt.Errorf("--every %v: want at least %v", o.Every, shortest)
		}
		if !get.IsTerminal(cmd.InOrStdin()) || !get.IsTerminal(cmd.OutOrStdout()) {
			return failure{errors.New("top needs a terminal that can move its cursor; `broodctl sessions --watch` does not")}
		}
		return s.top(cmd, model)
	})
	cmd.Flags().DurationVar(&o.Every, "every", time.Second, "ask the server each `D`")
	cmd.Flags().StringVar(&o.Sort, "sort", "id", "sort by a `COLUMN`: "+strings.Join(top.SortNames(), ", ")+"; with a minus before it the other way round")
	cmd.Flags().StringVar(&o.Filter, "filter", "", "show only sessions with these `WORDS`, as if they were typed after /")
	cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(slices.Clone(top.SortNames()), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// top runs until a key ends it. Who can't be asked at first is told so as by all other
// commands.
func (s *socket) top(cmd *cobra.Command, model *top.Model) error {
	first, err := s.snapshot("")
	if err != nil {
		return err
	}
	model.Refresh(time.Now(), first)
	profile := colorprofile.ANSI
	if os.Getenv("NO_COLOR") != "" { // bubbletea itself heeds only what stands for true
		profile = colorprofile.ASCII
	}
	program := tea.NewProgram(
		&screen{socket: s, Model: model, due: time.Now().Add(model.Every)},
		tea.WithInput(cmd.InOrStdin()), tea.WithOutput(cmd.OutOrStdout()), tea.WithColorProfile(profile), tea.WithFPS(20),
	)
	// Its other end may be another program's, which goes on: leave it as it was.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	go func() { // ends with the process
		<-hangup
		program.Quit()
	}()
	_, err = program.Run()
	if err != nil && !errors.Is(err, tea.ErrInterrupted) {
		return failure{err}
	}
	return nil
}
