package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"brood/worker"
	"brood/worker/files"
)

func Example() {
	root, err := os.MkdirTemp("", "tftp")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	os.Mkdir(filepath.Join(root, "Boot"), 0o755)
	os.WriteFile(filepath.Join(root, "Boot", "BCD"), []byte("boot configuration"), 0o644)
	os.Symlink("/Boot/BCD", filepath.Join(root, "bcd")) // as in a chroot
	os.Symlink("/etc/passwd", filepath.Join(root, "users"))

	h, err := files.Open(root)
	if err != nil {
		panic(err)
	}
	defer h.Close()
	for _, file := range []string{`\Boot\BCD`, "bcd", "users", "/../etc/passwd", "pxelinux.0"} {
		resp, err := h.Open(context.Background(), &worker.Request{File: file})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			fmt.Println(file, "→ ERROR 1")
		case errors.Is(err, fs.ErrPermission):
			fmt.Println(file, "→ ERROR 2")
		case err != nil:
			fmt.Println(file, "→ ERROR 0")
		default:
			content, _ := io.ReadAll(resp)
			resp.Close()
			fmt.Printf("%s → %s\n", file, content)
		}
	}
	// Output:
	// \Boot\BCD → boot configuration
	// bcd → boot configuration
	// users → ERROR 2
	// /../etc/passwd → ERROR 2
	// pxelinux.0 → ERROR 1
}

func ExampleOpen() {
	// Given to worker.Dispatch, which calls it with supervisor.Options.Config.
	newHandler := func(config []byte) (worker.Handler, error) { return files.Open(string(config)) }

	_, err := newHandler([]byte("/srv/no-such-directory"))
	fmt.Println(err)
	// Output: files: root "/srv/no-such-directory": no such file or directory: create it, or name another
}

func ExampleNew() {
	dir, err := os.MkdirTemp("", "tftp")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"site/grub.cfg":                         "the site's",
		"site/hosts/52-54-00-12-34-56/grub.cfg": "this machine's",
		"dist/boot/bcd":                         "the distribution's",
	} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, []byte(text), 0o644)
	}

	h, err := files.New(files.Options{
		Roots:      []string{filepath.Join(dir, "site"), filepath.Join(dir, "dist")},
		PerClient:  []string{"hosts/{mac}"},
		IgnoreCase: true,
	})
	if err != nil {
		panic(err)
	}
	defer h.Close()
	for _, req := range []worker.Request{
		{File: "grub.cfg", MAC: "52:54:00:12:34:56"},
		{File: "grub.cfg", MAC: "52:54:00:ff:ff:ff"},
		{File: `\Boot\BCD`},
	} {
		resp, err := h.Open(context.Background(), &req)
		if err != nil {
			fmt.Println(err)
			continue
		}
		content, _ := io.ReadAll(resp)
		resp.Close()
		fmt.Printf("%s → %s\n", req.File, content)
	}
	// Output:
	// grub.cfg → this machine's
	// grub.cfg → the site's
	// \Boot\BCD → the distribution's
}
