package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLookupUser(t *testing.T) {
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	for _, tt := range []struct {
		name string
		want identity
	}{
		{"nobody", identity{uid, gid}},
		{nobody.Uid, identity{uid, gid}},
		{"root", identity{0, 0}},
		{"0", identity{0, 0}},
		{"1999999999", identity{1999999999, 1999999999}}, // needs no account
	} {
		if got, err := lookupUser(tt.name); err != nil || *got != tt.want {
			t.Errorf("lookupUser(%q) = %v, %v, want %v", tt.name, got, err, &tt.want)
		}
	}
	for _, name := range []string{"", "no-such-account", "-1", "+1", "1.5", "0x10", "4294967295", "4294967296", "nobody "} {
		if got, err := lookupUser(name); err == nil || !strings.Contains(err.Error(), strconv.Quote(name)) {
			t.Errorf("lookupUser(%q) = %v, %v, want an error that quotes it", name, got, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	var none *identity
	if c := none.credential(); c != nil || none.String() != "unchanged" {
		t.Errorf("no identity is %q with credential %v, want %q and none", none, c, "unchanged")
	}
	i := &identity{7, 8}
	c := i.credential()
	if c.Uid != 7 || c.Gid != 8 || len(c.Groups) != 0 || c.NoSetGroups || i.String() != "uid 7 gid 8" {
		t.Errorf("%v has credential %+v, want uid 7, gid 8 and an empty list of groups, which is set", i, c)
	}
}

func TestWorkerIdentity(t *testing.T) {
	t.Parallel()
	able, err := holds(unix.CAP_SETUID, unix.CAP_SETGID)
	if err != nil {
		t.Fatal(err)
	}
	if !able {
		if got, err := workerIdentity(""); got != nil || err != nil {
			t.Errorf("who can't change ids, and does not say to, has workers under %v (%v), want no change", got, err)
		}
		if got, err := workerIdentity("nobody"); err == nil || !strings.Contains(err.Error(), "CAP_SETUID") {
			t.Errorf("who can't change ids, and says to, gets %v, %v, want an error that names what is missing", got, err)
		}
		return
	}
	nobody, err := lookupUser("nobody")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := workerIdentity(""); err != nil || *got != *nobody {
		t.Errorf("without a name workers run as %v (%v), want %v", got, err, nobody)
	}
	if got, err := workerIdentity("1999999999"); err != nil || got.uid != 1999999999 {
		t.Errorf("workers run as %v (%v), want uid 1999999999", got, err)
	}
	for _, name := range []string{"root", "0"} {
		if got, err := workerIdentity(name); err == nil || !strings.Contains(err.Error(), "must not run as root") {
			t.Errorf("workerIdentity(%q) = %v, %v, want it refused", name, got, err)
		}
	}
	if _, err := workerIdentity("no-such-account"); err == nil {
		t.Errorf("an account that does not exist was found")
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	var set uint64
	if _, err := fmt.Sscanf(statusLine(t, "/proc/self/status", "CapEff:"), "%x", &set); err != nil {
		t.Fatal(err)
	}
	for c := range uint(unix.CAP_LAST_CAP + 1) {
		got, err := holds(c)
		if want := set&(1<<c) != 0; err != nil || got != want {
			t.Errorf("holds(%d) = %v, %v with effective capabilities %#x", c, got, err, set)
		}
	}
	if all, err := holds(); !all || err != nil {
		t.Errorf("holds() = %v, %v, want true: there is nothing that is not held", all, err)
	}
}

func statusLine(t testing.TB, path, key string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, key); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("%s has no %s", path, key)
	return ""
}

// rootReport is what rootChild found.
type rootReport struct {
	Cgo     bool
	Err     string
	Own     string // identity.String
	Excess  string // the error of giving up capabilities
	Threads []map[string]string
	Same    string // the error for workers under the supervisor's own id
}

// rootChild leaves root, if that is what it is, and looks at each of its threads.
func rootChild() int {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0)
	r := rootReport{Cgo: errors.Is(errno, unix.ENOTSUP)}
	if own, err := lookupUser(ownAccount); err == nil {
		_, err = ownIdentity(own)
		r.Same = fmt.Sprint(err)
	} else {
		_, err = ownIdentity(&identity{ownID, ownID})
		r.Same = fmt.Sprint(err)
	}
	own, err := ownIdentity(&identity{65534, 65534})
	if err == nil && own != nil {
		err = dropRoot(own)
	}
	if err != nil {
		r.Err = err.Error()
	}
	if err := dropExcess(); err != nil {
		r.Excess = err.Error()
	}
	r.Own = own.String()
	tasks, _ := filepath.Glob("/proc/self/task/*/status")
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has just ended
		}
		status := map[string]string{}
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(line, ":")
			status[key] = strings.Join(strings.Fields(value), " ")
		}
		r.Threads = append(r.Threads, status)
	}
	json.NewEncoder(os.Stdout).Encode(r)
	return 0
}

func TestDropRoot(t *testing.T) {
	t.Parallel()
	cmd, stderr := self(t, "root")
	stdout, err := cmd.Output()
	var got rootReport
	if err == nil {
		err = json.Unmarshal(stdout, &got)
	}
	if err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if len(got.Threads) == 0 {
		t.Fatalf("the child saw none of its threads: %s", stdout)
	}
	ids := func(n int) string { return fmt.Sprintf("%d %[1]d %[1]d %[1]d", n) }
	want := map[string]string{}
	switch {
	case os.Geteuid() != 0:
		if got.Own != "unchanged" || got.Err != "" {
			t.Errorf("an ordinary user became %s (%s), want no change", got.Own, got.Err)
		}
		want["Uid"] = ids(os.Getuid())
	case got.Cgo:
		if !strings.Contains(got.Err, "CGO_ENABLED=0") || !strings.Contains(got.Err, "CAP_KILL") {
			t.Errorf("with cgo it failed with %q, want the two ways out", got.Err)
		}
		want["Uid"] = ids(0)
	default:
		own, err := lookupUser(ownAccount)
		if err != nil {
			own = &identity{ownID, ownID}
		}
		if got.Own != own.String() || got.Err != "" || !strings.Contains(got.Same, "can't run as") {
			t.Errorf("root became %s (%s), with workers under the same id %q; want %v, and that refused", got.Own, got.Err, got.Same, own)
		}
		var caps uint64
		for _, c := range kept {
			if has, err := holds(c); err == nil && has {
				caps |= 1 << c
			}
		}
		want = map[string]string{
			"Uid": ids(own.uid), "Gid": ids(own.gid), "Groups": "",
			"CapPrm": fmt.Sprintf("%016x", caps), "CapEff": fmt.Sprintf("%016x", caps),
			"CapInh": "0000000000000000", "CapAmb": "0000000000000000",
		}
	}
	for _, thread := range got.Threads {
		for key, value := range want {
			if thread[key] != value {
				t.Errorf("thread %s has %s %q, want %q", thread["Pid"], key, thread[key], value)
			}
		}
	}
}

func TestAnOrdinaryUserGivesUpWhatItHasNoUseFor(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("only root can give capabilities, and CI must run this test")
		}
		t.Skip("only root can give capabilities")
	}
	cmd, stderr := self(t, "root")
	unprivileged(cmd)
	cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, unix.CAP_NET_ADMIN, unix.CAP_SYSLOG)
	stdout, err := cmd.Output()
	var got rootReport
	if err == nil {
		err = json.Unmarshal(stdout, &got)
	}
	if err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if got.Cgo { // it says that it could not
		if !strings.Contains(got.Excess, "giving up capabilities") {
			t.Errorf("with cgo it failed with %q, want it told", got.Excess)
		}
		return
	}
	var caps uint64
	for _, c := range kept {
		caps |= 1 << c
	}
	want := map[string]string{
		"CapPrm": fmt.Sprintf("%016x", caps), "CapEff": fmt.Sprintf("%016x", caps),
		"CapInh": "0000000000000000", "CapAmb": "0000000000000000",
	}
	for _, thread := range got.Threads {
		for key, value := range want {
			if thread[key] != value {
				t.Errorf("thread %s has %s %q, want %q", thread["Pid"], key, thread[key], value)
			}
		}
	}
}

// identity
func TestWorkersAreNotTheSupervisor(t *testing.T) {
	t.Parallel()
	able, err := holds(unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL)
	if err != nil || !able || unix.Getuid() == 0 {
		return
	}
	if _, err := workerIdentity(fmt.Sprint(unix.Getuid())); err == nil {
		t.Errorf("workers may run as %d, as the supervisor does", unix.Getuid())
	}
}
