package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhereAConsoleListens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		":9069":          "127.0.0.1:9069",
		"0.0.0.0:9069":   "0.0.0.0:9069",
		"[::]:9069":      "[::]:9069",
		"[::1]:0":        "[::1]:0",
		"localhost:http": "localhost:http",
		"9069":           "",
		"127.0.0.1":      "",
		"127.0.0.1:":     "",
		"::1:9069":       "",
	} {
		if got, err := consoleAddress(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestAConsoleThatCantListen(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"short": "secret\n", "empty": "\n", "good": "0123456789abcdef\n"})
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--token-file", filepath.Join(dir, "none")}, exitError, "no such file"},
		{[]string{"--token-file", filepath.Join(dir, "empty")}, exitError, "the token has 0 characters: want 16 to 1024"},
		{[]string{"--token-file", filepath.Join(dir, "short")}, exitError, "the token has 6 characters: want 16 to 1024"},
		{[]string{"--token-file", filepath.Join(dir, "good"), "--listen", "192.0.2.1:9069"}, exitError, "192.0.2.1:9069"},
		{[]string{"--listen", "nowhere"}, exitUsage, `--listen "nowhere": want ADDRESS:PORT`},
		{[]string{"--listen", "192.0.2.1:9069"}, exitError, "192.0.2.1:9069"},
		{[]string{"FILE"}, exitUsage, "FILE"},
	} {
		args := append([]string{"console", "--socket", filepath.Join(t.TempDir(), "none")}, tt.args...)
		if code, stdout, stderr := broodctl(t, "", args...); code != tt.code || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Contains(stderr, "secret") {
			t.Errorf("%q exits %d: %s%s; want %d, %q", args, code, stdout, stderr, tt.code, tt.want)
		}
	}
}

func TestALogLine(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	logTo(&b)("console listens", "address", "127.0.0.1:1", "text", "a b", "empty", "", "control", "\n")
	if want := `console listens address=127.0.0.1:1 text="a b" empty="" control="\n"` + "\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
