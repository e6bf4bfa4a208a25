package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brood/test/harness"
)

// got is what broodctl get came to.
type got struct {
	code           int
	stdout, stderr string
	dir            string // where it ran, and was to keep the file
}

func get(t *testing.T, args ...string) got {
	t.Helper()
	g := got{dir: t.TempDir()}
	cmd := exec.Command(harness.Broodctl(t), append([]string{"get"}, args...)...)
	cmd.Dir = g.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	g.code = exitCode(cmd.Run())
	g.stdout, g.stderr = stdout.String(), stderr.String()
	return g
}

// kept is what lies in the directory, names and all.
func (g *got) kept(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join(g.dir, e.Name()))
		files[e.Name()] = string(b)
	}
	return files
}

func url(s *harness.Server, file string) string { return fmt.Sprintf("tftp://%v/%s", s.Addr, file) }

func TestGetKeepsWhatItGets(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := string(tree.File("dir/a b", 100_000))
	tree.Write("text", []byte("one\ntwo\rthree\n"))
	tree.Write("empty", nil)
	s := harness.Serve(t, "--root", tree.Dir, "--listen", "127.0.0.1:0", "--listen", "[::1]:0")
	six := s.WaitN(2, "listening", nil)[1].String("address")
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
	elsewhere := filepath.Join(t.TempDir(), "x")
	tests := []struct {
		name   string
		args   []string
		file   string // "" where it goes to standard output
		want   string
		blocks string // blksize × windowsize in the server's log
	}{
		{"under its own name", []string{url(s, "dir/a%20b")}, "a b", content, "1428 16"},
		{"under another", []string{"-o", "c", url(s, "dir/a%20b")}, "c", content, "1428 16"},
		{"elsewhere", []string{"--output", elsewhere, url(s, "dir/a%20b")}, elsewhere, content, "1428 16"},
		{"on standard output", []string{"-o", "-", url(s, "dir/a%20b")}, "", content, "1428 16"},
		{"checked", []string{"--check", sum, url(s, "dir/a%20b")}, "a b", content, "1428 16"},
		{"as RFC 1350 has it", []string{"--blksize", "0", "--windowsize", "0", "--tsize", "off", url(s, "dir/a%20b")}, "a b", content, "512 1"},
		{"in large windows", []string{"--blksize", "8192", "--windowsize", "64", url(s, "dir/a%20b")}, "a b", content, "8192 64"},
		{"in small blocks", []string{"--blksize", "8", "--windowsize", "2", url(s, "dir/a%20b")}, "a b", content, "8 2"},
		{"with a timeout asked for", []string{"--timeout", "20s", url(s, "dir/a%20b")}, "a b", content, "1428 16"},
		{"with a timeout of less than a second", []string{"--timeout", "900ms", "--retries", "50", url(s, "dir/a%20b")}, "a b", content, "1428 16"},
		{"from an address of ours", []string{"--local", "127.0.0.9", url(s, "dir/a%20b")}, "a b", content, "1428 16"},
		{"by IPv6", []string{"-6", "tftp://" + six + "/dir/a%20b"}, "a b", content, "1428 16"},
		{"from a name", []string{"-4", fmt.Sprintf("tftp://localhost:%d/dir/a%%20b", s.Addr.Port())}, "a b", content, "1428 16"},
		{"a text by its URL", []string{url(s, "text;mode=netascii")}, "text", "one\ntwo\rthree\n", "1428 16"},
		{"a text by flag", []string{"--netascii", url(s, "text")}, "text", "one\ntwo\rthree\n", "1428 16"},
		{"a text by mode, against its URL", []string{"--mode", "octet", url(s, "text;mode=netascii")}, "text", "one\ntwo\rthree\n", "1428 16"},
		{"nothing", []string{url(s, "empty")}, "empty", "", "1428 16"},
	}
	for _, tt := range tests {
		g := get(t, tt.args...)
		if g.code != 0 || g.stderr != "" {
			t.Errorf("%s: exit code %d, %q", tt.name, g.code, g.stderr)
		}
		kept := g.kept(t)
		if tt.file == "" {
			if g.stdout != tt.want || len(kept) > 0 {
				t.Errorf("%s: %d bytes on standard output, want %d", tt.name, len(g.stdout), len(tt.want))
			}
			continue
		}
		if tt.file == elsewhere {
			b, _ := os.ReadFile(elsewhere)
			kept[elsewhere] = string(b)
		}
		if b, ok := kept[tt.file]; !ok || b != tt.want || len(kept) != 1 || g.stdout != "" {
			t.Errorf("%s: %d files, %d bytes in %s; want %d; standard output has %q", tt.name, len(kept), len(b), tt.file, len(tt.want), g.stdout)
		}
	}
	asked := map[string]int{}
	for _, line := range s.WaitN(len(tests), "session", nil) {
		asked[line.String("blksize")+" "+line.String("windowsize")]++
	}
	want := map[string]int{}
	for _, tt := range tests {
		want[tt.blocks]++
	}
	if !maps.Equal(asked, want) {
		t.Errorf("negotiated: %v; want %v", asked, want)
	}
	s.Wait("session", func(l harness.Line) bool { return strings.HasPrefix(l.String("peer"), "127.0.0.9:") })
}

func TestGetReplacesAFileOnlyByAWholeOne(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 10_000)
	s := harness.Serve(t, "--root", tree.Dir)
	place := filepath.Join(t.TempDir(), "f")
	os.WriteFile(place, []byte("before"), 0o600)
	if g := get(t, "-o", place, "--check", "sha256:"+strings.Repeat("00", 32), url(s, "f")); g.code != 5 {
		t.Errorf("exit code %d, %s", g.code, g.stderr)
	}
	if b, _ := os.ReadFile(place); string(b) != "before" {
		t.Errorf("replaced by %d bytes", len(b))
	}
	if g := get(t, "-o", place, url(s, "f")); g.code != 0 {
		t.Errorf("exit code %d, %s", g.code, g.stderr)
	}
	if b, _ := os.ReadFile(place); !bytes.Equal(b, content) {
		t.Errorf("%d bytes are there", len(b))
	}
}

// A load test's numbers are those of the server.
func TestGetCountsWhatTheServerCounts(t *testing.T) {
	t.Parallel()
	const n, atOnce, size = 150, 20, 200_000
	tree := harness.NewTree(t)
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256(tree.File("f", size)))
	s := harness.Serve(t, "--root", tree.Dir)
	load := []string{"--repeat", fmt.Sprint(n), "--concurrency", fmt.Sprint(atOnce), "--timeout", "20s", "--json"}

	type summary struct {
		Sessions, Complete, Requests, Bytes int
		Blksize, Windowsize                 int
		Failures                            map[string]struct {
			Count   int
			Code    int `json:"exit_code"`
			Example string
		}
		Answer, Total *struct{ P50, P90, P99, Max float64 }
	}
	read := func(g got) (sum summary) {
		text := strings.NewReplacer("first_answer_seconds", "answer", "total_seconds", "total").Replace(g.stdout)
		if err := json.Unmarshal([]byte(text), &sum); err != nil || len(g.kept(t)) > 0 {
			t.Errorf("%v: %s", err, g.stdout)
		}
		return sum
	}
	g := get(t, append(load, "--check", sum, url(s, "f"))...)
	all := read(g)
	if g.code != 0 || g.stderr != "" || all.Sessions != n || all.Complete != n || all.Bytes != n*size || len(all.Failures) > 0 || all.Blksize != 1428 || all.Windowsize != 16 {
		t.Errorf("exit code %d, %s\n%s", g.code, g.stderr, g.stdout)
	}
	if a, b := all.Answer, all.Total; a == nil || b == nil || a.P50 <= 0 || a.P50 > a.P90 || a.P90 > a.P99 || a.P99 > a.Max || b.P50 < a.P50 || b.Max < b.P99 {
		t.Errorf("times: %s", g.stdout)
	}
	g = get(t, append(load, url(s, "missing"))...)
	none := read(g)
	if f := none.Failures["ERROR 1"]; g.code != 1 || f.Count != n || f.Code != 1 || !strings.Contains(f.Example, "file not found") || g.stderr != fmt.Sprintf("%d of %d sessions failed\n", n, n) {
		t.Errorf("exit code %d, %s\n%s", g.code, g.stderr, g.stdout)
	}
	g = get(t, "--repeat", "3", "--check", "sha256:"+strings.Repeat("00", 32), url(s, "f"))
	if g.code != 5 || !strings.Contains(g.stdout, "0 complete, 3 failed\n  failed      3 wrong digest, as in: f: its digest is "+sum) {
		t.Errorf("exit code %d, %s\n%s", g.code, g.stderr, g.stdout)
	}
	c := s.Counters()
	if c.Int("completed") != n+3 || c.Int("missing") != n || c.Int("started") < all.Sessions+none.Sessions+3 {
		t.Errorf("the server counted %v", c)
	}
}
