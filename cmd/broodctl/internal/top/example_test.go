package top_test

import (
	"fmt"
	"time"

	"github.com/charmbracelet/x/ansi"

	"brood/cmd/broodctl/internal/top"
	"brood/ipc/admin"
)

func Example() {
	m, err := top.New(top.Options{Every: time.Second, Sort: "rate"})
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Resize(40, 7)
	m.Refresh(time.Now(), &top.Snapshot{
		Status: admin.Status{Program: "brood 1.0", State: "serving"},
		Sessions: []admin.Session{
			{ID: 1, Peer: "192.0.2.1:2070", File: "pxelinux.0", State: "serving", Size: 26_000, Bytes: 13_000},
			{ID: 2, Peer: "192.0.2.2:2070", File: "vmlinuz", State: "serving", Size: 8_000_000, Bytes: 6_000_000, Rate: 1e6},
		},
	})
	m.Key("r")
	fmt.Println(ansi.Strip(m.View()))
	fmt.Println(m.Key("q").Quit)
	// Output:
	// brood 1.0   serving for 0 s   pid 0
	// sessions 0 of 0   waiting 0   stuck 0
	// failed 0   refused 0   kernel drops 0
	//     CLIENT           DONE FILE
	//     192.0.2.1:2070   50 % pxelinux.0
	//     192.0.2.2:2070   75 % vmlinuz
	// 1-2 of 2 by rate, rising   ? help
	// true
}
