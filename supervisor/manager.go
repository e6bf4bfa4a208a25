package supervisor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Manager is what a service manager, such as systemd, has given this process.
type Manager struct {
	// NotifySocket is where to tell of readiness, of the end and of the state in
	// between, as sd_notify(3) says: a path, or "@" and an abstract name. Empty
	// means that nobody wants to know.
	NotifySocket string
	// Watchdog is how long the manager waits for a sign of life before it takes the
	// loop for hung. Two are given in that time. Zero means that it does not wait.
	Watchdog time.Duration
	// Sockets are UDP sockets that are bound already. New takes them over, and
	// closes those that Listen leaves out.
	Sockets []Socket

	predecessor *predecessor // this process is an upgrade of
}

// Socket is an inherited one. Several may have the same name.
type Socket struct {
	Name string // FileDescriptorName= of the unit, or its name
	FD   int
}

// FromManager reads what systemd gives in the environment (NOTIFY_SOCKET,
// WATCHDOG_USEC, LISTEN_FDS and their kin), for Options.Manager, and takes it out of
// there. Nothing is there where there is no service manager.
func FromManager() (Manager, error) {
	env := make(map[string]string)
	for _, name := range []string{
		"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", handoverEnv,
	} {
		env[name] = os.Getenv(name)
		os.Unsetenv(name)
	}
	m, err := parseManager(env, os.Getpid())
	if m.predecessor = inherit(env[handoverEnv]); m.predecessor != nil {
		for name, fds := range m.predecessor.ports {
			if passed, ok := strings.CutPrefix(name, socketPrefix); ok {
				for _, fd := range fds {
					m.Sockets = append(m.Sockets, Socket{passed, fd})
				}
			}
		}
		slices.SortFunc(m.Sockets, func(a, b Socket) int { return a.FD - b.FD })
	}
	return m, err
}

func parseManager(env map[string]string, pid int) (m Manager, err error) {
	var faults []error
	m.NotifySocket = env["NOTIFY_SOCKET"]
	if m.NotifySocket != "" && !strings.HasPrefix(m.NotifySocket, "/") && !strings.HasPrefix(m.NotifySocket, "@") {
		faults = append(faults, fmt.Errorf("NOTIFY_SOCKET=%s: want a path, or @ and a name", m.NotifySocket))
	}
	own := strconv.Itoa(pid)
	if usec := env["WATCHDOG_USEC"]; usec != "" && (env["WATCHDOG_PID"] == "" || env["WATCHDOG_PID"] == own) {
		n, err := strconv.ParseUint(usec, 10, 50)
		if err != nil || n == 0 {
			faults = append(faults, fmt.Errorf("WATCHDOG_USEC=%s: want microseconds", usec))
		}
		m.Watchdog = time.Duration(n) * time.Microsecond
	}
	if env["LISTEN_PID"] == own { // else they are not for this process
		n, err := strconv.ParseUint(env["LISTEN_FDS"], 10, 12)
		if err != nil {
			faults = append(faults, fmt.Errorf("LISTEN_FDS=%s: want how many sockets there are", env["LISTEN_FDS"]))
		}
		names := strings.Split(env["LISTEN_FDNAMES"], ":")
		for i := range int(n) {
			k := Socket{Name: "unknown", FD: firstInherited + i} // as sd_listen_fds_with_names(3) has it
			if i < len(names) && names[i] != "" {
				k.Name = names[i]
			}
			m.Sockets = append(m.Sockets, k)
		}
	}
	return m, errors.Join(faults...)
}

// socketPrefix marks an address of Options.Listen that is an inherited socket's name.
const socketPrefix = "fd:"

// chosen returns the sockets that Listen names, or all where it says nothing.
func (m *Manager) chosen(listen []string) (chosen []Socket, err error) {
	if len(listen) == 0 {
		return m.Sockets, nil
	}
	var faults []error
	for _, text := range listen {
		name, ok := strings.CutPrefix(text, socketPrefix)
		if !ok {
			continue
		}
		before := len(chosen)
		var names []string
		for _, k := range m.Sockets {
			names = append(names, k.Name)
			if k.Name == name {
				chosen = append(chosen, k)
			}
		}
		switch {
		case len(chosen) > before:
		case len(names) == 0:
			faults = append(faults, fmt.Errorf("listen address %q: no socket was passed to this process; is the socket unit started?", text))
		default:
			faults = append(faults, fmt.Errorf("listen address %q: no socket has this name; there are %s", text, strings.Join(names, ", ")))
		}
	}
	return chosen, errors.Join(faults...)
}
