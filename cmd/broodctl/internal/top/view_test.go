package top

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"brood/protocol"
)

func TestAScreen(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 10)
	press(m, "down", "down")
	want(t, m, `
	brood 1.0.0   serving for 1h03m   pid 4700   configuration 1
	sessions 3 of 1024   waiting 1   stuck 1   rate 63.8 kB/s   idle workers 4
	failed 4   refused 12   kernel drops 0   complete 1234   crashed 1   timed out 0
	    CLIENT                    DONE   RATE/s     RTT AGAIN    AGE FILE
	    192.0.2.7:2070  ==......  25 %  23.8 kB 1.20 ms     2    6 s images/vmlinuz
	>!  192.0.2.9:2070  ====....  50 %      0 B 0.40 ms     4  1m15s imag…initrd.img
	  r 192.0.2.30:2071 120.0 kB     -  40.0 kB   20 ms     9    3 s grub…i/core.efi
	 w  192.0.2.31:1024              -      0 B       -     0    1 s pxelinux.0

	1-4 of 4 by id, rising   ? help   q quit   / filter   < > sort   enter history
	`)
}

func TestANarrowScreenHasLessColumns(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Sort: "-rate", Filter: "serving"}, 60, 9)
	want(t, m, `
	brood 1.0.0   serving for 1h03m   pid 4700   configuration 1
	sessions 3 of 1024   waiting 1   stuck 1   rate 63.8 kB/s
	failed 4   refused 12   kernel drops 0   complete 1234
	    CLIENT           DONE   RATE/s AGAIN    AGE FILE
	 !  192.0.2.9:2070   50 %      0 B     4  1m15s ima…itrd.img
	    192.0.2.7:2070   25 %  23.8 kB     2    6 s ima…/vmlinuz
	  r 192.0.2.30:2071     -  40.0 kB     9    3 s gru…core.efi

	1-3 of 3 by rate, rising   filter serving   ? help   q quit
	`)
	m.Resize(30, 5)
	want(t, m, `
	brood 1.0.0
	sessions 3 of 1024   waiting 1
	failed 4   refused 12
	    CLIENT          FILE
	1-1 of 3 by rate, rising
	`)
}

func TestAWideScreenHasAllColumns(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Filter: "vmlinuz"}, 170, 7)
	want(t, m, `
	brood 1.0.0   serving for 1h03m   pid 4700   configuration 1
	sessions 3 of 1024   waiting 1   stuck 1   rate 63.8 kB/s   idle workers 4
	failed 4   refused 12   kernel drops 0   complete 1234   crashed 1   timed out 0
	    CLIENT          MAC                     ID STATE                         DONE   RATE/s     RTT AGAIN SILENT    AGE     SIZE  WORKER FILE
	    192.0.2.7:2070  52:54:00:12:34:56        1 serving =====...............  25 %  23.8 kB 1.20 ms     2    0 s    6 s 571.2 kB    4711 images/vmlinuz

	1-1 of 1 by id, rising   filter vmlinuz   ? help   q quit   / filter   < > sort   enter history
	`)
}

func TestAScreenWithoutSessions(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Filter: "nothing like this"}, 60, 7)
	if got := text(m); !strings.Contains(got, "    none is as the filter wants it\n") || !strings.Contains(got, "\n0 of 0 by id, rising   filter nothing like this") {
		t.Errorf("with a filter that fits none:\n%s", got)
	}
	m.Refresh(noon, snapshot())
	if got := text(m); !strings.Contains(got, "    nobody is served, and nobody waits\n") {
		t.Errorf("without sessions:\n%s", got)
	}
}

// What colours say is said by signs as well, so colours are all that goes with them.
func TestColours(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Sort: "client"}, 80, 10)
	press(m, "down")
	lines := strings.Split(m.View(), "\n")
	for i, want := range []string{3: "\x1b[1mCLIENT         \x1b[m", 4: "\x1b[7m>   192.0.2.7", 5: "\x1b[31m !  192.0.2.9", 6: "\x1b[33m  r 192.0.2.30", 7: " w  192.0.2.31"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q, want %q in it", i, lines[i], want)
		}
	}
	if plain := ansi.Strip(lines[7]); plain != lines[7] {
		t.Errorf("a row without marks is %q", lines[7])
	}
	press(m, "down")
	if lines = strings.Split(m.View(), "\n"); !strings.HasPrefix(lines[5], "\x1b[31;7m>!  ") {
		t.Errorf("a marked row under the cursor is %q", lines[5])
	}
}

// Whatever happens, a screen is not larger than the terminal.
func FuzzAScreenFits(f *testing.F) {
	f.Add(80, 24, "down,enter,?,esc,k,/,x", "images/vmlinuz")
	f.Add(1, 1, "down", "固件/启动.img")
	f.Add(40, 6, "end,enter,pgdown", "\"e\u0301\u0301\" 👩‍👩‍👧 .img")
	f.Add(3, 50, "down,enter", "")
	f.Fuzz(func(t *testing.T, width, height int, keys, file string) {
		width, height = width%300, height%100
		for _, method := range []ansi.Method{ansi.WcWidth, ansi.GraphemeWidth} {
			m := newModel(t, Options{}, width, height)
			m.method = method
			s := snapshot(four()...)
			s.Sessions[0].File = protocol.Printable(file) // as a server says it
			s.Sessions[1].Peer = s.Sessions[0].File
			m.Refresh(noon, s)
			for _, key := range strings.Split(keys, ",") {
				m.Key(key)
				m.Tick(noon.Add(time.Minute))
				lines := strings.Split(m.View(), "\n")
				if len(lines) > max(1, height) {
					t.Fatalf("%d lines on %d", len(lines), height)
				}
				for _, line := range lines {
					if got := method.StringWidth(line); got > max(0, width) {
						t.Fatalf("%q is %d wide, on %d", line, got, width)
					}
				}
			}
		}
	})
}
