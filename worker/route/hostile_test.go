package route_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brood/worker"
	"brood/worker/files"
	"brood/worker/route"
	"brood/worker/workertest"
)

// hostile are names that nobody asks for in good faith.
var hostile = []string{
	"../secret", "../../etc/passwd", "/../secret", "a/../../secret", `..\secret`, `a\..\..\secret`, `\..\secret`, `..\/secret`,
	"....//secret", ".../secret", "a//..//..//secret", "./../secret", "..", ".", "/", `\`, "//", "a/..", "../root/../secret",
	"link", "a/link", "\x00", "secret\x00", "../secret\x00.cfg", "a\x00/../../secret",
	strings.Repeat("a", 2000), strings.Repeat("a/", 1000), strings.Repeat("../", 666), strings.Repeat(`\`, 2000),
	strings.Repeat("ab", 1000), strings.Repeat("0123456789ab", 160), strings.Repeat("01-", 600), strings.Repeat("(", 2000),
	"\xff\xfe", "a\xff/../../secret", "\xc0\xae\xc0\xae/secret", "\xc0\xaf", "%2e%2e%2fsecret", "\u2025/secret", "．．/secret",
	"${file}", `\0`, `${mac}/\1`, "$(id)", "`id`", "*", "[", "a\nb", "a\r\nb", "\x1b[2J", " ", "-rf", "~root/.ssh/id", "C:secret", "//host/share",
}

// TestNoNameIsSmuggledPastFiles: rules hand names on, and what they make of one is
// to the handler a name as any client could have sent it.
func TestNoNameIsSmuggledPastFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	err := errors.Join(
		os.MkdirAll(filepath.Join(root, "a"), 0o755),
		os.WriteFile(filepath.Join(dir, "secret"), []byte("what lies outside"), 0o644),
		os.Symlink(filepath.Join(dir, "secret"), filepath.Join(root, "link")),
		os.Symlink("../../secret", filepath.Join(root, "a", "link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := files.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })

	matched := func(regexp string) route.Match { return route.Match{Regexp: []string{regexp}} }
	for name, rule := range map[string]route.Rule{
		"as it is":            {},
		"slashes":             {BackslashToSlash: true},
		"lower case":          {FoldCase: "lower"},
		"in a directory":      {Rewrite: "a/${file}"},
		"above":               {Rewrite: "../${file}"},
		"absolute":            {Rewrite: dir + "/secret"},
		"dots put together":   replace(`a|\\`, "", "until-gone"),
		"a part":              {Match: matched("(?s)^(.*?)/(.*)$"), Rewrite: `\2`},
		"to try":              {TryFiles: []string{"a/${file}", "../${file}", "${file}"}},
		"a group to try":      {Match: matched("(?s)(?P<x>[^/]*)$"), TryFiles: []string{"${x}", `..\\${x}`}, BackslashToSlash: true},
		"by glob":             {Match: route.Match{File: []string{"**/secret*", "[^a-z]*", "?", "**"}}, IgnoreCase: true},
		"by MACs in the name": {Match: route.Match{Regexp: []string{"(?P<mac>[0-9a-f]{12})", ""}, MAC: []string{"01:23:45:67:89:ab", "ab"}}, Rewrite: "${mac}/${file}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := mustOpenWith(t, map[string]worker.Handler{route.Default: tree}, rule)
			for _, file := range hostile {
				resp, err := h.Open(context.Background(), from(file))
				if err == nil {
					content, _ := io.ReadAll(resp)
					resp.Close()
					t.Errorf("%.60q: %q", file, content)
					continue
				}
				if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !strings.Contains(err.Error(), "name") {
					t.Errorf("%.60q: %v; want one of the kinds that a client is told", file, err)
				}
			}
		})
	}
}

// What goes to the log is a stranger's, and must not look like a line of its own.
func TestWhatIsLoggedOfAHostileNameIsOneLine(t *testing.T) {
	t.Parallel()
	h := mustOpenWith(t, map[string]worker.Handler{route.Default: &shelf{}},
		replace("^b", "x\nb", "until-gone"), replace("loop", "loop", "until-gone"))
	for _, file := range []string{"a\nlevel=error msg=forged", "loop\n\x1b[2J", "b\n"} {
		r := workertest.Get(t, h, file)
		if r.Err == nil || strings.ContainsAny(r.Detail, "\n\x1b") {
			t.Errorf("%q: ERROR %v, logged as %q", file, r.Err, r.Detail)
		}
	}
}
