package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are all that a user can call, with cobra's own.
func commands(t *testing.T) (all []*cobra.Command) {
	t.Helper()
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(root)
	return all
}

func TestEveryCommandAndFlagIsExplained(t *testing.T) {
	t.Parallel()
	for _, c := range commands(t) {
		if c.Short == "" || strings.Contains(c.Short, "\n") {
			t.Errorf("%s: in short %q", c.CommandPath(), c.Short)
		}
		if c.HasParent() && c.Long == "" && c.Flags().HasFlags() && c.Name() != "show-config" { // which has a text of its own
			t.Errorf("%s has flags and no description", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s is not explained", c.CommandPath(), f.Name)
			}
		})
	}
}

// The requests of man(7) and an(7) that pages may have. What else begins a line with a
// dot or a quote would be taken for one, and is left out by whoever formats the page.
var troffRequest = regexp.MustCompile(`^\.(nh|PP|EX|EE|TS|TE|TP|IP|RS|RE|TH "[A-Z-]+" "1" "[A-Z][a-z]{2} \d{4}" "[^"]+" "brood"|SH [A-Z ]+|SS [A-Za-z:]+)$`)

func TestManualPagesAreWellFormed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code, stdout, stderr := broodctl(t, "", "man", "--dir", dir); code != exitOK || stdout+stderr != "" {
		t.Fatalf("exit %d, %s%s", code, stdout, stderr)
	}
	for _, c := range commands(t) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		page, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if c.Name() == "help" {
			continue // what it says is in the pages
		}
		if err != nil {
			t.Error(err)
			continue
		}
		text := string(page)
		for _, want := range []string{"\n.TH \"" + strings.ToUpper(name) + "\" ", "\n.SH NAME\n" + name + " - " + c.Short + "\n", "\n.SH SYNOPSIS\n", "\n.SH OPTIONS\n"} {
			if !strings.Contains("\n"+text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(text, "\\fB--"+f.Name+"\\fP") {
				t.Errorf("%s lacks --%s", name, f.Name)
			}
		})
		wellFormed(t, name, text)
	}
}

func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	open := 0
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !troffRequest.MatchString(line) {
			t.Errorf("%s:%d: %q is no request", name, i+1, line)
		}
		switch line {
		case ".EX":
			open++
		case ".EE":
			open--
		}
		if open < 0 || open > 1 {
			t.Errorf("%s:%d: %s out of order", name, i+1, line)
		}
		for _, r := range line {
			if r > '~' || r < ' ' && r != '\t' {
				t.Errorf("%s:%d: %q is not ASCII, which is what every formatter reads", name, i+1, r)
			}
		}
		// Fonts are set for a word and set back on the same line.
		if strings.Count(line, `\fB`)+strings.Count(line, `\fI`) != strings.Count(line, `\fP`)+strings.Count(line, `\fR`) {
			t.Errorf("%s:%d: a font that does not end: %q", name, i+1, line)
		}
	}
	if open != 0 {
		t.Errorf("%s: an example that does not end", name)
	}
}

func TestAManualIsWrittenWhereThereIsAPlaceOnly(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	if code, _, stderr := broodctl(t, "", "man", "--dir", none); code != exitError || !strings.Contains(stderr, "no such file or directory") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := broodctl(t, "", "man"); code != exitUsage || !strings.Contains(stderr, `"dir"`) {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestShellsAreGivenTheirCompletions(t *testing.T) {
	t.Parallel()
	for shell, want := range map[string]string{"bash": "__start_broodctl", "zsh": "#compdef broodctl", "fish": "complete -c broodctl"} {
		if code, stdout, stderr := broodctl(t, "", "completion", shell); code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, %s; %d bytes without %q", shell, code, stderr, len(stdout), want)
		}
	}
	if code, stdout, _ := broodctl(t, "", "__complete", "get", "--win"); code != exitOK || !strings.Contains(stdout, "--windowsize\task for windows") {
		t.Errorf("exit %d, completed %q", code, stdout)
	}
}
