package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brood/test/harness"
)

// servers are those of others that broodctl get is tried at.
var servers = []struct {
	name, program string
	args          func(port, root string) []string
}{
	{"tftpd-hpa", "in.tftpd", func(port, root string) []string {
		return []string{"-L", "-a", "127.0.0.1:" + port, "-u", "nobody", "-s", root}
	}},
	{"atftpd", "atftpd", func(port, root string) []string {
		return []string{"--daemon", "--no-fork", "--port", port, "--bind-address", "127.0.0.1", "--user", "nobody.nogroup", root}
	}},
}

// serve starts such a server and returns the URL of what it serves.
func serve(t *testing.T, program string, args func(port, root string) []string, root string) string {
	t.Helper()
	path := find(t, program)
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.LocalAddr().String())
	free.Close()
	cmd := exec.Command(path, args(port, root)...)
	if libs, err := filepath.Glob(unpacked + "/usr/lib/*-linux-gnu"); err == nil && len(libs) > 0 {
		if lib, err := filepath.Abs(libs[0]); err == nil {
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib)
		}
	}
	harness.RunProgram(t, cmd)
	return "tftp://127.0.0.1:" + port + "/"
}

func TestGetGetsFilesFromOtherServers(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t) // which these servers leave themselves
	tree := harness.NewTree(t)
	const most = 34 * megabyte // more blocks of 512 bytes than 16 bits number
	sizes := []int{0, 1, 511, 512, 513, megabyte}
	for _, n := range append(sizes[:len(sizes):len(sizes)], most) {
		tree.File(fmt.Sprint("f", n), n)
	}
	tree.Write("text", []byte("one\ntwo\n"))
	get := func(args ...string) (stdout []byte, err error) {
		var stderr bytes.Buffer
		cmd := exec.Command(harness.Broodctl(t), append([]string{"get", "--output", "-"}, args...)...)
		cmd.Stderr = &stderr
		if stdout, err = cmd.Output(); err != nil {
			err = fmt.Errorf("%w: %s", err, &stderr)
		}
		return stdout, err
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, s.program, s.args, tree.Dir)
			if !harness.Eventually(func() bool { _, err := get(url + "f1"); return err == nil }) {
				t.Fatal("it does not serve")
			}
			for _, tt := range []struct {
				flags []string
				sizes []int
			}{
				{nil, sizes},
				{[]string{"--blksize", "0", "--windowsize", "0", "--tsize", "off"}, append(sizes[:len(sizes):len(sizes)], most)},
				{[]string{"--blksize", "512", "--windowsize", "8"}, sizes},
				{[]string{"--blksize", "8192", "--windowsize", "0", "--timeout", "3s"}, sizes},
			} {
				for _, n := range tt.sizes {
					name := fmt.Sprint("f", n)
					want := harness.ReadFile(t, filepath.Join(tree.Dir, name))
					if got, err := get(append(tt.flags, url+name)...); err != nil || !bytes.Equal(got, want) {
						t.Errorf("%q, %d bytes: %v, got %d bytes", tt.flags, n, err, len(got))
					}
				}
			}
			if got, err := get(url + "text;mode=netascii"); err != nil || string(got) != "one\ntwo\n" {
				t.Errorf("a text: %q, %v", got, err)
			}
			if _, err := get(url + "none"); err == nil || !strings.Contains(err.Error(), "exit status 1: ") || !strings.Contains(err.Error(), "ERROR 1 (file not found)") {
				t.Errorf("what is not there: %v", err)
			}
		})
	}
}
