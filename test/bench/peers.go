package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// unpacked is where install-peers puts what the machine lacks.
const unpacked = ".tools/peers"

func lookup(name string) (string, bool) {
	dirs := append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", unpacked+"/usr/sbin")
	for _, dir := range dirs {
		path, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// firstVersion is the first thing in a program's output that looks like one.
func firstVersion(path string, env []string, args ...string) string {
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	out, _ := cmd.CombinedOutput()
	return regexp.MustCompile(`\d+\.\d+[\w.+-]*`).FindString(string(out))
}

// peers returns the servers that brood is measured beside, and the names of
// those that this machine has not.
func peers(ctx context.Context, tmp, further string) (all []kind, absent []string, err error) {
	libs, err := filepath.Glob(unpacked + "/usr/lib/*-linux-gnu")
	if err != nil {
		return nil, nil, err
	}
	var env []string
	if len(libs) > 0 {
		dir, err := filepath.Abs(libs[0])
		if err != nil {
			return nil, nil, err
		}
		env = []string{"LD_LIBRARY_PATH=" + dir}
	}
	// Limits are lifted as far as a burst of 2,000 needs it; all else is as shipped.
	for _, p := range []struct {
		name, program, versionFlag string
		args                       []string
	}{
		{"tftpd-hpa", "in.tftpd", "-V", []string{"-L", "-a", "127.0.0.1:{port}", "-u", "nobody", "-s", "{root}"}},
		{"atftpd", "atftpd", "--version", []string{
			"--daemon", "--no-fork", "--port", "{port}", "--bind-address", "127.0.0.1",
			"--user", "nobody.nogroup", "--maxthread", "4096", "{root}",
		}},
		{"dnsmasq", "dnsmasq", "--version", []string{
			"--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-",
			"--port=0", "--enable-tftp", "--tftp-root={root}", "--tftp-max=4096", "--user=nobody", "--group=nogroup",
		}},
	} {
		path, ok := lookup(p.program)
		if !ok {
			absent = append(absent, p.name)
			continue
		}
		all = append(all, kind{
			name: p.name, version: firstVersion(path, env, p.versionFlag),
			command: append([]string{path}, p.args...), env: env,
		})
	}

	pin, err := built(ctx, tmp, "pin", "test/bench/peers/pin")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		absent = append(absent, "pin/tftp")
	} else {
		mod, _ := os.ReadFile("test/bench/peers/pin/go.mod")
		_, version, _ := strings.Cut(string(mod), "github.com/pin/tftp/v3 v")
		version, _, _ = strings.Cut(version, "\n")
		all = append(all, kind{
			name: "pin/tftp", version: version,
			command: []string{pin, "-root", "{root}", "-listen", "127.0.0.1:{port}"},
		})
	}
	if further != "" {
		name, command, ok := strings.Cut(further, "=")
		if !ok || len(strings.Fields(command)) == 0 {
			return nil, nil, fmt.Errorf("PEER=%q: want name=command with {root} and {port}", further)
		}
		all = append(all, kind{name: name, command: []string{"/bin/sh", "-c", "exec " + command}})
	}
	return all, absent, nil
}

// built builds the program in dir and installs it, as its users do: the file that the linker
// wrote itself lies in the page cache in single pages, and to start a process from it takes
// about a tenth more, until it has been read from the disk again.
func built(ctx context.Context, tmp, name, dir string) (path string, err error) {
	path = filepath.Join(tmp, name)
	build := exec.CommandContext(ctx, "go", "build", "-C", dir, "-trimpath", "-ldflags", "-s -w", "-o", path+".linked", ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, command := range []*exec.Cmd{build, exec.CommandContext(ctx, "install", "-m", "755", path+".linked", path)} {
		if out, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return path, nil
}

// broods builds the daemon from the tree and returns the ways to run it.
func broods(ctx context.Context, tmp string) ([]kind, error) {
	path, err := built(ctx, tmp, "brood", "cmd/brood")
	if err != nil {
		return nil, err
	}
	help, err := exec.CommandContext(ctx, path, "serve", "--help").Output()
	if err != nil {
		return nil, err
	}
	version := "this tree"
	if out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		version = strings.TrimSpace(string(out))
	}
	serve := []string{path, "serve", "--root", "{root}", "--listen", "127.0.0.1:{port}"}
	with := func(flags ...string) []string { return append(serve[:len(serve):len(serve)], flags...) }
	all := []kind{{name: "brood", version: version, command: serve, ours: true}}
	if strings.Contains(string(help), "--sessions-per-worker") {
		all = append(all, kind{
			name: "brood/100", version: version, ours: true,
			command: with("--sessions-per-worker", "100"),
		})
	}
	for _, n := range []string{"256", "2000"} {
		all = append(all, kind{
			name: "brood/idle", version: version, ours: true, only: []string{"burst " + n},
			command: with("--min-idle", n, "--max-idle", n, "--max-sessions", "4096"),
		})
	}
	// All clients of the bench have one address.
	crowded := []string{"--max-sessions", "4096", "--max-sessions-per-source", "4096"}
	for _, k := range []struct {
		name  string
		flags []string
	}{{"brood/ports", nil}, {"brood/one port", []string{"--single-port"}}} {
		all = append(all, kind{
			name: k.name, version: version, ours: true, only: []string{"500 clients, loader"},
			command: with(append(k.flags, crowded...)...),
		})
	}
	return all, nil
}
