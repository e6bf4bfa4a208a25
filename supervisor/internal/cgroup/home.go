package cgroup

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// hierarchy is a controller that has one of version 1.
type hierarchy string

// version2 is that of version 2, for all controllers that no other has.
const version2 hierarchy = ""

// home returns the directory of a process's control group, by what /proc says of
// the process: its cgroup and its mountinfo, see cgroups(7) and proc(5).
func (h hierarchy) home(membership, mounts string) (string, error) {
	group, ok := "", false
	for line := range strings.Lines(membership) {
		// 4:memory:/the/group
		if f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3); len(f) == 3 && h.among(f[1]) && (h != version2 || f[0] == "0") {
			group, ok = f[2], true
			break
		}
	}
	if !ok {
		return "", errors.New("this kernel has no control groups of version 2")
	}
	if strings.HasPrefix(group, "/..") || strings.HasSuffix(group, " (deleted)") {
		return "", fmt.Errorf("this process's control group, %q, is none that it can reach", group)
	}
	for line := range strings.Lines(mounts) {
		// 31 23 0:28 /the/group/there /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if dash < 5 || dash+1 >= len(f) || !h.mounted(f[dash+1:]) {
			continue
		}
		root, at := unescape(f[3]), unescape(f[4])
		if below, ok := strings.CutPrefix(group, strings.TrimSuffix(root, "/")); ok && (below == "" || below[0] == '/') {
			return path.Join(at, below), nil
		}
	}
	return "", fmt.Errorf("control groups of version 2 are not mounted, or not where %q is seen: mount -t cgroup2 none /sys/fs/cgroup", group)
}

// among says whether a list of controllers has h.
func (h hierarchy) among(list string) bool {
	return slices.Contains(strings.Split(list, ","), string(h))
}

// mounted says whether a mount, by its type, source and options, is h's.
func (h hierarchy) mounted(fs []string) bool {
	if h == version2 {
		return fs[0] == "cgroup2"
	}
	return len(fs) > 2 && fs[0] == "cgroup" && h.among(fs[2])
}

// unescape reads a name as mountinfo has it: a space is \040.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
