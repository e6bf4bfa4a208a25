package exec_test

import (
	"context"
	"fmt"
	"io"

	"brood/worker"
	"brood/worker/exec"
)

func Example() {
	h, err := exec.New(exec.Options{
		Command:     []string{"/bin/sh", "-c", `case "$TFTP_FILE" in *.cfg) echo "server $SITE" ;; *) exit 101 ;; esac`},
		Environment: map[string]string{"SITE": "north"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, file := range []string{"switch.cfg", "$(reboot).bin"} {
		resp, err := h.Open(context.Background(), &worker.Request{File: file})
		if err != nil {
			fmt.Println("ERROR", worker.ErrorFor(err).Code, err)
			continue
		}
		size, _ := resp.Size()
		content, _ := io.ReadAll(resp)
		fmt.Printf("%d bytes: %s", size, content)
	}
	// Output:
	// 13 bytes: server north
	// ERROR file not found open "$(reboot).bin": /bin/sh: exit status 101: file does not exist
}
