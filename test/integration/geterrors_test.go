package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

// scripted is a server whose session goes from answer to answer: each is sent when
// the client has sent something.
func scripted(t *testing.T, answers ...string) (p *harness.Peer, host string, done <-chan struct{}) {
	t.Helper()
	p = harness.NewPeer(t, "127.0.0.1")
	over := make(chan struct{})
	go func() {
		defer close(over)
		b := make([]byte, protocol.MaxRequestLen)
		for _, answer := range answers {
			_, from, err := p.Conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return // the test is over
			}
			if answer == "close" {
				p.Conn.Close()
				return
			}
			p.Send(from, []byte(answer))
		}
	}()
	t.Cleanup(func() { p.Conn.Close() })
	return p, p.Conn.LocalAddr().String(), over
}

// block1 is a first block that is not the last.
var block1 = "\x00\x03\x00\x01" + strings.Repeat("x", 512)

func TestGetSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 100_000)
	s := harness.Serve(t, "--root", tree.Dir)
	const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	quick := []string{"--timeout", "10ms", "--retries", "3"}
	for _, tt := range []struct {
		name   string
		script []string // of a server in place of brood
		url    string   // what follows the server, or all if it has a scheme
		flags  []string
		code   int
		want   string
	}{
		{"the server's ERROR", nil, "/none", nil, 1, "none from ADDR: the server answered ERROR 1 (file not found): File not found"},
		{"an ERROR with a text that would play with the terminal", []string{"\x00\x05\x00\x07\x1b[2Jno\x00"}, "/f", nil, 1, `the server answered ERROR 7 (no such user): "\x1b[2Jno"`},
		{"an ERROR without a text", []string{"\x00\x05\x00\x02\x00"}, "/f", nil, 1, "the server answered ERROR 2 (access violation)"},
		{"an ERROR after some blocks", []string{block1, "\x00\x05\x00\x00broke\x00"}, "/f", nil, 1, "ERROR 0"},
		{"an answer that was not asked for", []string{"\x00\x06rollover\x001\x00"}, "/f", nil, 1, "the server sent what TFTP does not allow: option was not asked"},
		{"too long a block", []string{"\x00\x03\x00\x01" + strings.Repeat("x", 513)}, "/f", nil, 1, "the server sent what TFTP does not allow: DATA is longer than blksize"},
		{"nobody listens", []string{"close"}, "/f", quick, 3, "f from ADDR: nobody listens there"},
		{"nobody answers", []string{}, "/f", quick, 3, "f from ADDR: nobody answers, asked 4 times"},
		{"nobody answers, asked once", []string{}, "/f", []string{"--timeout", "10ms", "--retries", "0"}, 3, "nobody answers, asked 1 times"},
		{"the server falls silent", []string{block1}, "/f", quick, 3, "f from ADDR: the server fell silent after 512 bytes"},
		{"the server goes away", []string{block1, "close"}, "/f", quick, 3, "f from ADDR: the server went away after 512 bytes"},
		{"an unknown host", nil, "tftp://no-such-host.invalid/f", nil, 3, "host no-such-host.invalid "},
		{"a link without its name", nil, "tftp://[fe80::1]/f", nil, 2, "say on which, as in [fe80::1%25eth0]"},
		{"a literal of the wrong family", nil, "/f", []string{"-6"}, 2, "not of the family asked for"},
		{"a wrong digest", nil, "/f", []string{"--check", zeros}, 5, "want " + zeros},
		{"another size than the server said", []string{"\x00\x06tsize\x0010\x00", "\x00\x03\x00\x01x"}, "/f", nil, 5, "the server said that it has 10 bytes, and sent 1"},
		{"a full disk", nil, "/f", []string{"-o", "/dev/full"}, 4, "writing /dev/full: no space left on device"},
		{"a directory", nil, "/f", []string{"-o", "."}, 4, ". is a directory: say --output FILE"},
		{"no such directory", nil, "/f", []string{"-o", "none/f"}, 4, "no such file or directory"},
		{"an address of another machine", nil, "/f", []string{"--local", "192.0.2.1"}, 4, "cannot assign requested address"},
		{"no URL", nil, "", nil, 2, "want tftp://HOST[:PORT]/FILE"},
		{"a name that is none", nil, "/d/", nil, 2, "say --output FILE"},
		{"wrong flags, all at once", nil, "/f", []string{"--blksize", "7", "--windowsize", "65536", "--retries", "-1", "--timeout", "1ms", "--tsize", "maybe"}, 2, "--blksize 7: want 8 to 65464\n--windowsize 65536: want 0 to 65535\n--retries -1: want 0 to 100\n--timeout 1ms: want 10ms to 255s\n--tsize \"maybe\": want on or off"},
		{"no mode of ours", nil, "/f", []string{"--mode", "mail"}, 2, `mode "mail": want octet or netascii`},
		{"no digest", nil, "/f", []string{"--check", "md5:00"}, 2, `--check "md5:00": want sha256:`},
		{"no address", nil, "/f", []string{"--local", "eth0"}, 2, `--local "eth0": want an IP address`},
		{"families that differ", nil, "/f", []string{"-6", "--local", "127.0.0.1"}, 2, "another family"},
		{"two families", nil, "/f", []string{"-4", "-6"}, 2, "ipv4"},
		{"many and a place for one", nil, "/f", []string{"--repeat", "2", "-o", "x"}, 2, "output"},
		{"at once and not often", nil, "/f", []string{"--concurrency", "2"}, 2, "--concurrency goes with --repeat"},
		{"two things on standard output", nil, "/f", []string{"--json", "-o", "-"}, 2, "--json and --output -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			host := s.Addr.String()
			if tt.script != nil {
				_, host, _ = scripted(t, tt.script...)
			}
			url := tt.url
			if !strings.HasPrefix(url, "tftp:") {
				url = "tftp://" + host + url
			}
			g := get(t, append(tt.flags, url)...)
			if want := strings.ReplaceAll(tt.want, "ADDR", host); g.code != tt.code || !strings.Contains(g.stderr, want) || g.stdout != "" {
				t.Errorf("exit code %d, want %d; standard error\n%swant\n%s", g.code, tt.code, g.stderr, want)
			}
			if kept := g.kept(t); len(kept) > 0 {
				t.Errorf("left behind: %v", kept)
			}
		})
	}
}

// Who can't keep what comes says so to the server, whose session ends then.
func TestAServerIsToldOfAFullDisk(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1_000_000)
	s := harness.Serve(t, "--root", tree.Dir)
	get(t, "-o", "/dev/full", url(s, "f"))
	if l := s.Session("f"); l.String("outcome") != "peer-error" || !strings.Contains(fmt.Sprint(l), "the client's disk is full") {
		t.Errorf("logged %v", l)
	}
}

func TestAnInterruptedGetLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p, host, begun := scripted(t, block1)
		cmd := exec.Command(harness.Broodctl(t), "get", "--timeout", "60s", "tftp://"+host+"/f")
		g := got{dir: t.TempDir()}
		cmd.Dir = g.dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-begun
		if b := p.Receive(); !bytes.Equal(b, protocol.Ack{Block: 1}.Append(nil)) {
			t.Fatalf("it sent %q, want ACK 1", b)
		}
		if during := g.kept(t); len(during) != 1 || during["f"] != "" {
			t.Errorf("while it comes there is %v, want a temporary file", during)
		}
		cmd.Process.Signal(sig)
		if e := p.Error(protocol.CodeUndefined); e.Message != "the client gave up" {
			t.Errorf("the server is told %v", e)
		}
		if code := exitCode(cmd.Wait()); code != 130 || stderr.String() != "interrupted\n" {
			t.Errorf("exit code %d, %q", code, &stderr)
		}
		if kept := g.kept(t); len(kept) > 0 {
			t.Errorf("left behind: %v", kept)
		}
	}
}

func TestAReaderThatGoesEndsAGet(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1_000_000)
	s := harness.Serve(t, "--root", tree.Dir)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := exec.Command(harness.Broodctl(t), "get", "-o", "-", url(s, "f"))
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Run()
	w.Close()
	if code := exitCode(err); code != 4 || stderr.String() != "writing standard output: broken pipe\n" {
		t.Errorf("exit code %d, %q", code, &stderr)
	}
	if l := s.Session("f"); l.String("outcome") != "peer-error" {
		t.Errorf("logged %v", l)
	}
}

// Of a host's addresses those that do not answer are passed over, and the user is told.
func TestGetTriesEveryAddress(t *testing.T) {
	t.Parallel()
	addrs, err := net.LookupHost("localhost")
	if err != nil {
		t.Fatal(err)
	}
	_, host, _ := scripted(t, "\x00\x03\x00\x01content")
	_, port, _ := net.SplitHostPort(host)
	g := get(t, "-o", "-", "tftp://localhost:"+port+"/f")
	first := net.ParseIP(addrs[0])
	if g.code != 0 || g.stdout != "content" || (first.To4() == nil) != strings.HasPrefix(g.stderr, "note: ") {
		t.Errorf("localhost is %v; exit code %d, %q, %q", addrs, g.code, g.stdout, g.stderr)
	}
}
