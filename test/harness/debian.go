package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// unpacked is where test/boot/install-qemu has what the machine lacks, as seen from
// a folder of tests.
const unpacked = "../../.tools/qemu"

// Debian finds a file of a Debian package, by its path there, which may be a
// pattern: on this machine, or where install-qemu unpacked it.
func Debian(t testing.TB, path string) string {
	t.Helper()
	for _, root := range []string{unpacked, "/"} {
		found, err := filepath.Glob(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			full, err := filepath.Abs(found[len(found)-1])
			if err != nil {
				t.Fatal(err)
			}
			return full
		}
	}
	t.Fatalf("there is no %s: test/boot/install-qemu brings it", path)
	return ""
}

// debianCommand is a program of a Debian package and its arguments; before is the
// beginning of the command line, for programs that another one starts.
func debianCommand(t testing.TB, before []string, program string, args ...string) *exec.Cmd {
	t.Helper()
	line := append(append(before, Debian(t, program)), args...)
	cmd := exec.Command(line[0], line[1:]...)
	root, err := filepath.Abs(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib+":"+filepath.Join(root, "lib/x86_64-linux-gnu"))
	if _, err := os.Stat(filepath.Join(lib, "qemu")); err == nil {
		cmd.Env = append(cmd.Env, "QEMU_MODULE_DIR="+filepath.Join(lib, "qemu"))
	}
	return cmd
}

// Tool finds a program: on this machine, or below root, where a script unpacks what
// the machine lacks. Without it the test can't be run, which in CI is a failure: make
// test runs the script.
func Tool(t testing.TB, program, root, script string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range []string{"usr/bin", "bin", "usr/sbin"} {
		path, err := filepath.Abs(filepath.Join(root, dir, program))
		if err == nil && isExecutable(path) {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed; %s provides it", program, script)
	}
	t.Skipf("%s is not installed; as root on Debian, %s provides it", program, script)
	return ""
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o111 != 0
}
