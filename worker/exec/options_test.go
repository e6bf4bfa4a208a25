package exec

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestOptionsThatCantBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := write(t, dir, "text", "no program")
	if err := os.Chmod(text, 0o644); err != nil {
		t.Fatal(err)
	}
	sh := []string{"/bin/sh"}
	for _, tt := range []struct {
		name string
		o    Options
		want []string
	}{
		{"no command", Options{}, []string{"no command", "absolute path"}},
		{"an empty command", Options{Command: []string{""}}, []string{`command ""`, "absolute path"}},
		{"a command to be searched for", Options{Command: []string{"sh"}}, []string{`command "sh"`, "PATH is not searched"}},
		{"a relative command", Options{Command: []string{"./sh"}}, []string{`command "./sh"`, "absolute path"}},
		{"an argument with a NUL", Options{Command: []string{"/bin/sh", "a\x00b"}}, []string{`"a\x00b" holds a NUL`}},
		{"a program that isn't there", Options{Command: []string{"/no/such/program"}}, []string{`command "/no/such/program"`, "no such file", "install it"}},
		{"a program below a file", Options{Command: []string{text + "/x"}}, []string{text + "/x", "not a directory"}},
		{"a directory", Options{Command: []string{dir}}, []string{dir, "not a regular file"}},
		{"a device", Options{Command: []string{"/dev/null"}}, []string{"/dev/null", "not a regular file"}},
		{"a file that can't be executed", Options{Command: []string{text}}, []string{text, "may not execute", "chmod o+x"}},
		{"a deadline in the past", Options{Command: sh, Deadline: -time.Second}, []string{"deadline -1s", "at least 1ms"}},
		{"a deadline in nanoseconds", Options{Command: sh, Deadline: 5}, []string{"deadline 5ns", "at least 1ms"}},
		{"a negative limit", Options{Command: sh, MaxOutput: -1}, []string{"max-output -1", "1073741824"}},
		{"a limit without bounds", Options{Command: sh, MaxOutput: 1 << 40}, []string{"max-output 1099511627776"}},
		{"a variable of the request's", Options{Command: sh, Environment: map[string]string{"TFTP_FILE": "x"}}, []string{`"TFTP_FILE"`, "the request's"}},
		{
			"variables that are none",
			Options{Command: sh, Environment: map[string]string{"": "x", "A=B": "x", "C": "\x00"}},
			[]string{`"" is no name`, `"A=B" is no name`, `value of "C"`},
		},
		{"everything at once", Options{Deadline: -1, MaxOutput: -1}, []string{"no command", "deadline", "max-output"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(tt.o)
			if err == nil {
				t.Fatalf("New(%+v) succeeded", tt.o)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q says nothing of %q", err, part)
				}
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "exec: ") {
					t.Errorf("%q does not say who speaks", line)
				}
			}
		})
	}
}

func TestTheDefaultsAreThoseThatAreDocumented(t *testing.T) {
	t.Parallel()
	o, err := Options{Command: []string{"/bin/sh"}}.settle()
	if err != nil || o.Deadline != 5*time.Second || o.MaxOutput != 16<<20 {
		t.Errorf("%+v, %v", o, err)
	}
}
