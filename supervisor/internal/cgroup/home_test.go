package cgroup

import (
	"strings"
	"testing"
)

func TestHomeIsWhereTheKernelSaysThisProcessIs(t *testing.T) {
	t.Parallel()
	const (
		proc    = "22 27 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"
		unified = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	)
	for _, tt := range []struct {
		name, membership, mounts string
		want                     string // or, after a !, of the error
	}{
		{
			"a service of systemd",
			"0::/system.slice/brood.service\n", proc + unified,
			"/sys/fs/cgroup/system.slice/brood.service",
		},
		{"a container that sees itself as the root", "0::/\n", proc + unified, "/sys/fs/cgroup"},
		{
			"a container that sees the host's names, of which its own are mounted",
			"0::/docker/4711\n", "40 39 0:28 /docker/4711 /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"/sys/fs/cgroup",
		},
		{
			"a mount of another's group is passed over",
			"0::/docker/4711/below\n", "39 1 0:28 /docker/47 /there ro - cgroup2 cgroup rw\n40 39 0:28 /docker /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"/sys/fs/cgroup/4711/below",
		},
		{
			"both versions, of which the second has the processes and the first the controllers",
			"4:memory:/user.slice\n1:name=systemd:/user.slice\n0::/user.slice\n",
			"32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n33 31 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"/sys/fs/cgroup/unified/user.slice",
		},
		{"a place with a space in it", "0::/a\n", `31 23 0:28 / /with\040space rw - cgroup2 cgroup2 rw` + "\n", "/with space/a"},
		{"a kernel with the first version alone", "4:memory:/user.slice\n", proc, "!no control groups of version 2"},
		{"not mounted", "0::/user.slice\n", proc, "!not mounted"},
		{"a group outside of this namespace", "0::/../brood\n", unified, "!none that it can reach"},
		{"a group that was removed", "0::/brood (deleted)\n", unified, "!none that it can reach"},
	} {
		got, err := version2.home(tt.membership, tt.mounts)
		if want, ok := strings.CutPrefix(tt.want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, %v; want an error with %q", tt.name, got, err, want)
			}
		} else if got.String() != tt.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestTheFirstVersionHasAHomeForEachController(t *testing.T) {
	t.Parallel()
	const mounts = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"33 31 0:30 /docker/4711 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n" +
		"34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	const membership = "6:cpuacct,cpu:/docker/4711\n4:memory:/docker/4711/a:b\n0::/\n"
	for _, tt := range []struct {
		hierarchy
		want string
	}{
		{"memory", "/sys/fs/cgroup/memory/a:b"},
		{"cpu", "/sys/fs/cgroup/cpu,cpuacct/docker/4711"},
		{version2, "/sys/fs/cgroup/unified"},
	} {
		if got, err := tt.home(membership, mounts); got.String() != tt.want || err != nil {
			t.Errorf("%q: %q, %v; want %q", tt.hierarchy, got, err, tt.want)
		}
	}
	for _, h := range []hierarchy{"mem", "pids"} {
		if got, err := h.home(membership, mounts); err == nil {
			t.Errorf("%q: %q, want none", h, got)
		}
	}
}

// Whatever stands in mountinfo, it is read without a fault, and what is found is below
// a mount that stands there.
func FuzzHome(f *testing.F) {
	f.Add("0::/a\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	f.Add("0::/a\n", `1 1 0:1 /\057a \134x rw shared:1 - cgroup2 - -`)
	f.Fuzz(func(t *testing.T, membership, mounts string) {
		for h, fs := range map[hierarchy]string{version2: "cgroup2", "memory": "cgroup"} {
			if at, err := h.home(membership, mounts); err == nil && (at.String() == "" || !strings.Contains(mounts, fs)) {
				t.Errorf("%q and %q: %q", membership, mounts, at)
			}
		}
	})
}
