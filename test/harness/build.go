package harness

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Brood returns the path of the brood command, built once for a test process,
// in the way that the Makefile builds it; under the race detector with that.
func Brood(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Broodctl returns the path of the broodctl command, built once for a test process,
// beside Brood.
func Broodctl(t testing.TB) string {
	t.Helper()
	path, err := builtCtl()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	built    = sync.OnceValues(func() (string, error) { return build("brood", raceEnabled) })
	builtCtl = sync.OnceValues(func() (string, error) { return build("broodctl", false) })
)

func build(name string, race bool) (string, error) {
	dir, err := publicDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if err := lookAtSources(); err != nil {
		return "", err
	}
	args := []string{"build", "-o", path}
	if race {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "brood/cmd/"+name)...)
	build.Env = os.Environ()
	if !race {
		build.Env = append(build.Env, "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// lookAtSources lets go test know that a result depends on what is built here, or it
// would take the result of the last run although the program has changed: it counts
// the directories that a test opens in its module.
func lookAtSources() error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "brood").Output()
	if err != nil {
		return fmt.Errorf("go list -m: %w", err)
	}
	for _, dir := range []string{"cmd", "ipc", "protocol", "supervisor", "worker"} {
		err := filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), dir), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// Self returns the path of a copy of the test's own executable, for tests that
// are their own server. The original lies where only its owner may go.
func Self(t testing.TB) string {
	t.Helper()
	path, err := copied()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var copied = sync.OnceValues(func() (string, error) {
	dir, err := publicDir()
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "server")
	return path, Install(self, path)
})

// Install copies a program, for everybody to execute. Another process does it: had
// this one the copy open for writing, a child that it forks at that moment for
// another test would have, too, and the copy could not be executed (ETXTBSY).
func Install(from, to string) error {
	if out, err := exec.Command("install", "-m", "755", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("install %s %s: %w\n%s", from, to, err, out)
	}
	return nil
}

// written is a file that has this text.
func written(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// publicDir is a directory for executables that workers can get at, whoever
// they run as. Main removes it.
var publicDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "brood-test-")
	if err != nil {
		return "", err
	}
	remove = func() { os.RemoveAll(dir) }
	return dir, os.Chmod(dir, 0o755)
})

var remove = func() {}

// Main runs a package's tests and removes what Brood and Self made. TestMain calls it.
func Main(m *testing.M) int {
	if os.Getenv(guestEnv) != "" {
		asGuest(m)
	}
	defer func() { remove() }()
	return m.Run()
}
