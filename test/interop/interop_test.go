// Package interop has brood serve clients that others wrote, and broodctl get files
// from servers that others wrote.
package interop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brood/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// client is one program in one of its ways to ask.
type client struct {
	name    string
	program string
	args    func(host, port, file, to string) []string
	missing string // part of what it prints, or of its exit status, when the file does not exist
}

var clients = []client{
	{"curl", "curl", func(host, port, file, to string) []string {
		return []string{"-sS", "-o", to, "tftp://" + host + ":" + port + "/" + file}
	}, "exit status 68"},
	{"curl, blksize 1428", "curl", func(host, port, file, to string) []string {
		return []string{"-sS", "--tftp-blksize", "1428", "-o", to, "tftp://" + host + ":" + port + "/" + file}
	}, "exit status 68"},
	{"curl, no options", "curl", func(host, port, file, to string) []string {
		return []string{"-sS", "--tftp-no-options", "-o", to, "tftp://" + host + ":" + port + "/" + file}
	}, "exit status 68"},
	{"tftp-hpa", "tftp", func(host, port, file, to string) []string {
		return []string{"-m", "binary", host, port, "-c", "get", file, to}
	}, "File not found"},
	{"atftp", "atftp", func(host, port, file, to string) []string {
		return []string{"-g", "-r", file, "-l", to, host, port}
	}, "File not found"},
	{"atftp, blksize 1428, windowsize 8", "atftp", func(host, port, file, to string) []string {
		return []string{"--option", "blksize 1428", "--option", "windowsize 8", "-g", "-r", file, "-l", to, host, port}
	}, "File not found"},
	{"atftp, tsize and timeout", "atftp", func(host, port, file, to string) []string {
		return []string{"--option", "tsize 0", "--option", "timeout 2", "-g", "-r", file, "-l", to, host, port}
	}, "File not found"},
	{"busybox", "busybox", func(host, port, file, to string) []string {
		return []string{"tftp", "-g", "-r", file, "-l", to, host, port}
	}, "File not found"},
	{"busybox, blksize 1428", "busybox", func(host, port, file, to string) []string {
		return []string{"tftp", "-b", "1428", "-g", "-r", file, "-l", to, host, port}
	}, "File not found"},
}

// megabyte is the unit of the large sizes. 40 of them are more blocks of 512
// bytes than 16 bits can number.
const megabyte = 1 << 20

func TestClientsGetFilesOfEverySize(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	sizes := []int{0, 1, 511, 512, 513, 5 * megabyte, 40 * megabyte}
	content := map[int][]byte{}
	for _, n := range sizes {
		content[n] = tree.File(fmt.Sprintf("dir/f%d", n), n)
	}
	s := harness.Serve(t, "--root", tree.Dir)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			program := find(t, c.program)
			for _, n := range sizes {
				to := filepath.Join(t.TempDir(), "got")
				out, err := run(program, c, s, fmt.Sprintf("dir/f%d", n), to)
				if err != nil {
					t.Errorf("%d bytes: %v\n%s", n, err, out)
				}
				got, err := os.ReadFile(to)
				if n == 0 && os.IsNotExist(err) {
					continue // some clients create the file with its first byte
				}
				if err != nil || !bytes.Equal(got, content[n]) {
					t.Errorf("%d bytes: %v, got %d bytes that differ", n, err, len(got))
				}
			}
		})
	}
}

func TestClientsAreToldThatAFileIsMissing(t *testing.T) {
	t.Parallel()
	s := harness.Serve(t, "--root", harness.NewTree(t).Dir)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := run(find(t, c.program), c, s, "no-such-file", filepath.Join(t.TempDir(), "got"))
			if said := fmt.Sprint(out, err); !strings.Contains(strings.ToLower(said), strings.ToLower(c.missing)) {
				t.Errorf("it says %q, want %q", said, c.missing)
			}
		})
	}
}

// tftp-hpa's client keeps its port, and asks for the next file as soon as it has one: the
// same request again is not the last one's repetition.
func TestOneClientGetsTheSameAgainAndAgain(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 700)
	program := find(t, "tftp")
	s := harness.Serve(t, "--root", tree.Dir)
	const times = 30
	client := exec.Command(program, s.Addr.Addr().String(), fmt.Sprint(s.Addr.Port()))
	client.Dir = t.TempDir()
	client.Stdin = strings.NewReader(strings.Repeat("get f\nget no-such-file\n", times) + strings.Repeat("get f\n", times) + strings.Repeat("get no-such-file\n", times))
	if out, err := client.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	c := s.Counters()
	if c.Int("completed") != 2*times || c.Int("missing") != 2*times || c.Int("duplicates") != 0 {
		t.Errorf("%d complete, %d missing, %d requests were taken for repetitions; want %d, %d, 0",
			c.Int("completed"), c.Int("missing"), c.Int("duplicates"), 2*times, 2*times)
	}
}

func run(program string, c client, s *harness.Server, file, to string) (string, error) {
	args := c.args(s.Addr.Addr().String(), fmt.Sprint(s.Addr.Port()), file, to)
	out, err := exec.Command(program, args...).CombinedOutput()
	return string(out), err
}

// unpacked is where install-clients puts what the machine lacks.
const unpacked = "../../.tools/root"

// find returns a client's path.
func find(t *testing.T, program string) string {
	t.Helper()
	return harness.Tool(t, program, unpacked, "test/interop/install-clients")
}
