package protocol_test

import (
	"fmt"
	"time"

	"brood/protocol"
)

func ExampleParseRequest() {
	req, err := protocol.ParseRequest([]byte("\x00\x01pxelinux.0\x00octet\x00blksize\x001428\x00"))
	fmt.Println(req.Op, req.File, req.Mode, req.Options, err)
	// Output: RRQ pxelinux.0 octet [{blksize 1428}] <nil>
}

func ExampleRefusal() {
	for _, datagram := range []string{
		"\x00\x01\x00octet\x00",       // an RRQ for nothing
		"\x00\x02upload\x00",          // a WRQ, and broken
		"\x00\x05\x00\x00go away\x00", // somebody's ERROR
	} {
		_, err := protocol.ParseRequest([]byte(datagram))
		if e, ok := protocol.Refusal(err); ok {
			fmt.Printf("ERROR %d: %s\n", e.Code, e.Message)
		} else {
			fmt.Println("silence")
		}
	}
	// Output:
	// ERROR 4: bad request: file name is empty
	// ERROR 2: this server is read-only
	// silence
}

func ExamplePrintable() {
	fmt.Println(protocol.Printable("boot/grub.cfg"))
	fmt.Println(protocol.Printable("boot\nroot: logged in"))
	// Output:
	// boot/grub.cfg
	// "boot\nroot: logged in"
}

func ExampleNegotiate() {
	asked := []protocol.Option{{Name: "tsize", Value: "0"}, {Name: "BLKSIZE", Value: "9000"}, {Name: "multicast", Value: ""}}
	terms, acked := protocol.Negotiate(asked, protocol.Octet, 123456, protocol.Limits{MaxBlksize: 1428})
	fmt.Println(terms.Blksize, terms.Windowsize, terms.Timeout)
	fmt.Println(acked)
	// Output:
	// 1428 1 1s
	// [{tsize 123456} {BLKSIZE 1428}]
}

func ExampleNetasciiEncoder() {
	var e protocol.NetasciiEncoder
	wire := e.Append(nil, []byte("one\n"))
	fmt.Printf("%q\n", e.Append(wire, []byte("two\rthree")))
	// Output: "one\r\ntwo\r\x00three"
}

func ExampleNetasciiDecoder() {
	var d protocol.NetasciiDecoder
	text := d.Append(nil, []byte("one\r")) // a block ends between CR and LF
	text = d.Append(text, []byte("\ntwo"))
	fmt.Printf("%q\n", d.Flush(text))
	// Output: "one\ntwo"
}

// Two blocks to a client that negotiated nothing and lets the first one be
// repeated.
func ExampleSender() {
	s := protocol.NewSender(protocol.SenderConfig{Timeout: time.Second, Retries: 5})
	now := time.Unix(0, 0)
	do := func(what string, ev protocol.Event) {
		a := s.Step(now, ev)
		fmt.Printf("%s:", what)
		for b := a.First; b < a.First+uint64(a.Count); b++ {
			fmt.Printf(" DATA %d", s.Wire(b))
		}
		if a.Again > 0 {
			fmt.Print(" again")
		}
		if a.Done {
			fmt.Print(" ", a.Outcome)
		}
		fmt.Println()
		now = a.Wake
	}
	do("start", protocol.Event{Kind: protocol.EventStart})
	do("content", protocol.Event{Kind: protocol.EventContent, Blocks: 2, Final: true})
	do("timer", protocol.Event{Kind: protocol.EventTimer})
	do("ACK 1", protocol.Event{Kind: protocol.EventAck, Block: 1})
	do("ACK 2", protocol.Event{Kind: protocol.EventAck, Block: 2})
	// Output:
	// start:
	// content: DATA 1
	// timer: DATA 1 again
	// ACK 1: DATA 2
	// ACK 2: complete
}

func ExampleReceiver() {
	var got []byte
	r := protocol.NewReceiver(protocol.ReceiverConfig{Options: []protocol.Option{{Name: "blksize", Value: "8"}}, Retries: 5})
	now := time.Unix(0, 0)
	do := func(ev protocol.Event) {
		p := r.Step(now, ev)
		got = append(got, p.Payload...)
		switch {
		case p.RRQ:
			fmt.Println("send RRQ")
		case p.Ack:
			fmt.Println("send ACK", p.Block)
		}
		if p.Done {
			fmt.Printf("%v: %q\n", p.Outcome, got)
		}
	}
	do(protocol.Event{Kind: protocol.EventStart})
	do(protocol.Event{Kind: protocol.EventOACK, Options: []protocol.Option{{Name: "blksize", Value: "8"}}})
	do(protocol.Event{Kind: protocol.EventData, Block: 1, Payload: []byte("Hello, w")})
	do(protocol.Event{Kind: protocol.EventData, Block: 2, Payload: []byte("orld")})
	// Output:
	// send RRQ
	// send ACK 0
	// send ACK 1
	// send ACK 2
	// complete: "Hello, world"
}
