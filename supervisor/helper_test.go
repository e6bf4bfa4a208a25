package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// helperChild is a helper that does what its arguments say.
func helperChild(args []string) int {
	config, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	switch args[0] {
	case "die":
		// From the second mark on it is known that the first one's end was seen.
		if _, err := os.Stat(args[1]); err == nil {
			os.WriteFile(args[1]+"-again", nil, 0o600)
		}
		os.WriteFile(args[1], nil, 0o600)
		return 3
	case "shout": // the first of them
		if _, err := os.Stat(args[1]); err == nil {
			break
		}
		os.WriteFile(args[1], nil, 0o600)
		for {
			fmt.Fprintln(os.Stderr, strings.Repeat("x", 1000))
		}
	case "web":
		return webChild(args[1])
	case "deaf": // to words and signals
		unix.Pause()
	}
	fmt.Fprintln(os.Stderr, "configured:", string(config))
	for {
		_, socket, err := ipc.Hear(ipc.Control)
		if err != nil {
			return 0
		}
		go answer(socket, config)
	}
}

// answer does what a worker asks for.
func answer(socket int, config []byte) {
	say := func(text string) { unix.Write(socket, []byte(text)) }
	say("hello")
	for {
		unix.Poll([]unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}}, -1)
		b := make([]byte, 4096)
		n, err := unix.Read(socket, b)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil || n == 0:
			unix.Close(socket)
			return
		}
		switch what, arg, _ := strings.Cut(string(b[:n]), " "); what {
		case "pid":
			say(fmt.Sprint(os.Getpid()))
		case "config":
			say(string(config))
		case "status":
			status, _ := os.ReadFile("/proc/self/status")
			say(string(status))
		case "touch":
			say(fmt.Sprint(os.WriteFile(arg, nil, 0o600)))
		case "die-once": // the one that comes after it is told to
			if _, err := os.Stat(arg); err == nil {
				say(fmt.Sprint(os.Getpid()))
				continue
			}
			os.WriteFile(arg, nil, 0o600)
			os.Exit(4)
		}
	}
}

// askHelper is a handler's part: it asks until it is answered, and again when
// another helper says hello.
func askHelper(what string) ([]byte, error) {
	socket := ipc.HelperSocket()
	unix.Write(socket, []byte(what))
	for asked := false; ; {
		unix.Poll([]unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}}, -1)
		b := make([]byte, 4096)
		n, err := unix.Read(socket, b)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case string(b[:n]) != "hello":
			return b[:n], nil
		case asked: // by another one, which is dead
			unix.Write(socket, []byte(what))
		default:
			asked = true
		}
	}
}

func (s *server) ask(what string) string {
	s.t.Helper()
	got, _, err := get(s.t, s, "ask/"+what)
	if err != nil {
		s.t.Fatalf("ask %s: %v", what, err)
	}
	return string(got)
}

// helperDir is one that the helper of an unprivileged server may write to.
func helperDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "brood-helper-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func ended(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

func eventually(ok func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

func TestWorkersAskOneHelper(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Helper: []string{"serve"}, MinIdle: 2})
	pid := s.ask("pid")
	for range 4 { // more than there are idle workers
		if again := s.ask("pid"); again != pid {
			t.Errorf("process %s answered, and then %s", pid, again)
		}
	}
	s.tell("drain")
	if _, last, failed := s.end(); failed != "" || last.Completed != 5 || last.WorkerFailures != 0 {
		t.Errorf("Run returned %q, counting %+v", failed, last)
	}
	n, err := strconv.Atoi(pid)
	if err != nil || !ended(n) {
		t.Errorf("the helper %s outlives its supervisor (%v)", pid, err)
	}
	if log := s.said(); !strings.Contains(log, "a helper says") || !strings.Contains(log, "configured: first") {
		t.Errorf("its words are not in the log:\n%s", log)
	}
}

func TestAHelperHoldsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Helper: []string{"serve"}})
	status := s.ask("status")
	for _, want := range []string{"NoNewPrivs:\t1\n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapInh:\t0000000000000000\n", "CapAmb:\t0000000000000000\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("its status lacks %q", want)
		}
	}
	if os.Geteuid() == 0 {
		for _, want := range []string{fmt.Sprintf("Uid:\t%d\t", helperID), fmt.Sprintf("Gid:\t%d\t", helperID), "Groups:\t\n"} {
			if !strings.Contains(strings.ReplaceAll(status, "Groups:\t \n", "Groups:\t\n"), want) {
				t.Errorf("its status lacks %q:\n%s", want, status)
			}
		}
	}
}

func TestWhoWaitsForADeadHelperIsTheNextOnesGuest(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Helper: []string{"serve"}})
	first := s.ask("pid")
	mark := filepath.Join(helperDir(t), "died")
	if second := s.ask("die-once " + mark); second == first {
		t.Errorf("process %s died of the question and answered it", second)
	}
	s.tell("drain")
	if _, last, failed := s.end(); failed != "" || last.Completed != 2 {
		t.Errorf("Run returned %q, counting %+v", failed, last)
	}
	if log := s.said(); !strings.Contains(log, "a helper ended") || !strings.Contains(log, "exit 4") {
		t.Errorf("its end is not in the log:\n%s", log)
	}
}

func TestABadHelperCostsNobodyElse(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]string{
		"die":   "next-start=", // or it was the drain that ended it
		"shout": "a helper writes too much, and is ended: helper=tester",
		"deaf":  "a helper runs: helper=tester",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			mark := filepath.Join(helperDir(t), "mark")
			s := startServer(t, spec{Helper: []string{what, mark}})
			for range 3 {
				if got, _, err := get(t, s, "bytes/1000"); err != nil || len(got) != 1000 {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
			}
			switch what {
			case "shout":
				s.ask("pid") // of the next one
			case "die":
				if !eventually(func() bool { _, err := os.Stat(mark + "-again"); return err == nil }) {
					t.Error("it is not started again")
				}
			}
			s.tell("drain")
			if _, _, failed := s.end(); failed != "" {
				t.Errorf("Run returned %q", failed)
			}
			if log := s.said(); !strings.Contains(log, want) {
				t.Errorf("the log lacks %q:\n%s", want, log)
			}
		})
	}
}

func TestAHelperEndsWhenItsSupervisorIsKilled(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Helper: []string{"serve"}})
	pid, err := strconv.Atoi(s.ask("pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return ended(pid) }) {
		t.Errorf("the helper %d lives on", pid)
	}
}

func TestAReloadStartsAHelperThatIsConfiguredOtherwise(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Helper: []string{"serve"}})
	first := s.ask("pid")
	if err := s.reload(""); err != "<nil>" {
		t.Fatal(err)
	}
	if same := s.ask("pid"); same != first {
		t.Errorf("a reload that leaves the helper as it is started another, %s", same)
	}
	s.tell("other-helper")
	for s.next().Reloaded == "" {
	}
	if got := s.ask("config"); got != "second" {
		t.Errorf("after another reload the helper has %q", got)
	}
	if pid, err := strconv.Atoi(first); err != nil || !eventually(func() bool { return ended(pid) }) {
		t.Errorf("the helper %s, which nobody asks any more, lives on (%v)", first, err)
	}
}

func TestAHelpersDirectoryIsItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "var", "cache")
	helpers := []Helper{{Name: "h", Dir: dir}, {Name: "without"}}
	var who *identity
	if os.Geteuid() == 0 {
		who = &identity{helperID, helperID}
	}
	for range 2 { // the second finds it there
		if err := makeHelperDirs(helpers, who); err != nil {
			t.Fatal(err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	if st.Mode&0o777 != 0o700 || who != nil && (st.Uid != helperID || st.Gid != helperID) {
		t.Errorf("mode %#o of %d:%d", st.Mode, st.Uid, st.Gid)
	}
	if err := makeHelperDirs([]Helper{{Name: "h", Dir: "/proc/none"}}, nil); err == nil || !strings.Contains(err.Error(), "/proc/none") {
		t.Errorf("where none can be made: %v", err)
	}
}

func TestTheHelpersOfOptionsAreChecked(t *testing.T) {
	t.Parallel()
	good := Helper{Name: "a", Path: "/x", Dir: "/y", Workers: true}
	for _, tt := range []struct {
		name    string
		helpers []Helper
		fault   string
	}{
		{"none", nil, ""},
		{"one, and one that is not for workers", []Helper{good, {Name: "b", Path: "/x"}}, ""},
		{"without a name", []Helper{{Path: "/x"}}, `Helper "": want a name`},
		{"two of one name", []Helper{{Name: "a", Path: "/x"}, {Name: "a", Path: "/x"}}, `Helper "a": want a name, and no other helper's`},
		{"a relative path", []Helper{{Name: "a", Path: "x"}}, "want an absolute path"},
		{"a relative directory", []Helper{{Name: "a", Path: "/x", Dir: "y"}}, "want an absolute path"},
		{"one that listens", []Helper{{Name: "a", Path: "/x", Listen: "[::1]:80"}}, ""},
		{"a port without an address", []Helper{{Name: "a", Path: "/x", Listen: ":80"}}, `Listen ":80": want ADDRESS:PORT`},
		{"two on one port", []Helper{{Name: "a", Path: "/x", Listen: "[::1]:80"}, {Name: "b", Path: "/x", Listen: "[::1]:80"}}, "and no other helper's"},
		{"two for workers", []Helper{good, {Name: "b", Path: "/x", Workers: true}}, "at most one"},
	} {
		_, err := Options{Helpers: tt.helpers}.settle()
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
		}
	}
}

func TestTheStartsOfAHelperThatDiesBecomeRarer(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := &helper{since: now}
	for i, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000} {
		if got := h.pause(now); got != want*time.Millisecond {
			t.Errorf("pause %d is %v, want %v", i, got, want*time.Millisecond)
		}
		h.since = now
	}
	if got := h.pause(now.Add(maxHelperBackoff + 1)); got != minHelperBackoff {
		t.Errorf("after it has lived for a while: %v", got)
	}
}

func TestHelpersAreNobodyElse(t *testing.T) {
	t.Parallel()
	if who, err := helperIdentity(nil, nil); who != nil || err != nil {
		t.Errorf("where nobody can change ids: %v, %v", who, err)
	}
	if hasAccount(helperAccount) {
		return // it has a number of its own
	}
	workers, own := &identity{65534, 65534}, &identity{ownID, ownID}
	if who, err := helperIdentity(workers, own); err != nil || who.uid != helperID {
		t.Errorf("%v, %v", who, err)
	}
	for name, err := range map[string]error{
		"as workers":        second(helperIdentity(&identity{helperID, 1}, own)),
		"as the supervisor": second(helperIdentity(workers, &identity{helperID, 1})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A reload that changes anything about a helper starts another.
func TestAHelperIsWhatAllOfItSays(t *testing.T) {
	t.Parallel()
	h := &helper{Helper: Helper{Name: "a", Path: "/x", Args: []string{"b"}}}
	if !h.is(Helper{Name: "a", Path: "/x", Args: []string{"b"}}) {
		t.Error("a helper is not what it is")
	}
	for i := range reflect.TypeFor[Helper]().NumField() {
		other := h.Helper
		switch field := reflect.ValueOf(&other).Elem().Field(i); field.Kind() {
		case reflect.String:
			field.SetString("other")
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		case reflect.Bool:
			field.SetBool(true)
		default:
			field.SetUint(1)
		}
		if h.is(other) {
			t.Errorf("it is %+v", other)
		}
	}
}
