package virtual_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"brood/worker"
	"brood/worker/virtual"
)

func Example() {
	h, err := virtual.New(virtual.Options{
		Text:    map[string]string{"/autoexec.ipxe": "#!ipxe\nchain http://boot/menu\n"},
		Base64:  map[string]string{"phone/logo.bin": "AAEC/w=="},
		Health:  "health",
		Version: "1.4.0",
	})
	if err != nil {
		panic(err)
	}
	for _, file := range []string{`\autoexec.ipxe`, "phone//logo.bin", "health", "autoexec"} {
		resp, err := h.Open(context.Background(), &worker.Request{File: file})
		if err != nil {
			fmt.Println(err)
			continue
		}
		size, _ := resp.Size()
		b, _ := io.ReadAll(resp)
		content, _, _ := strings.Cut(string(b), " 20") // the time is another each time
		fmt.Printf("%s, %d bytes: %q\n", file, size, content)
	}
	// Output:
	// \autoexec.ipxe, 30 bytes: "#!ipxe\nchain http://boot/menu\n"
	// phone//logo.bin, 4 bytes: "\x00\x01\x02\xff"
	// health, 30 bytes: "ok 1.4.0"
	// open "autoexec": file does not exist
}
