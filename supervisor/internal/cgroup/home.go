package cgroup

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// hierarchy names one: of version 1 by a controller in it.
type hierarchy string

// version2 is the one of version 2, which has no name.
const version2 hierarchy = ""

func (h hierarchy) String() string {
	if h == version2 {
		return "control groups of version 2"
	}
	return "control groups with the controller " + string(h)
}

// place is where a control group is seen: below a mount.
type place struct{ mount, below string }

func (p place) String() string { return path.Join(p.mount, p.below) }

// home returns the place of a process's control group, by what /proc says of
// the process: its cgroup and its mountinfo, see cgroups(7) and proc(5).
func (h hierarchy) home(membership, mounts string) (place, error) {
	group, ok := "", false
	for line := range strings.Lines(membership) {
		// 4:memory:/the/group
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && h.among(f[1]) && (h != version2 || f[0] == "0") {
			group, ok = f[2], true
			break
		}
	}
	if !ok {
		return place{}, fmt.Errorf("this kernel has no %v", h)
	}
	if strings.HasPrefix(group, "/..") || strings.HasSuffix(group, " (deleted)") {
		return place{}, fmt.Errorf("this process's control group, %q, is none that it can reach", group)
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
			return place{at, below}, nil
		}
	}
	return place{}, fmt.Errorf("%v are not mounted, or not where %q is seen%s", h, group, h.remedy())
}

func (h hierarchy) remedy() string {
	if h != version2 {
		return ""
	}
	return ": mount -t cgroup2 none /sys/fs/cgroup"
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
