//go:build boot

package boot

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

// request is one that a machine sent.
type request struct {
	from    netip.AddrPort
	file    string
	options string // as asked, name=value
	session harness.Line
}

// requests reads them from what QEMU has written down of a machine's network, in
// the format of pcap.
func requests(t *testing.T, file string) []request {
	t.Helper()
	b := harness.ReadFile(t, file)
	const fileHeader, frameHeader = 24, 16
	if len(b) < fileHeader || binary.LittleEndian.Uint32(b) != 0xa1b2c3d4 {
		t.Fatalf("%s does not begin as pcap does", file)
	}
	var all []request
	for b = b[fileHeader:]; len(b) >= frameHeader; {
		length := int(binary.LittleEndian.Uint32(b[8:]))
		if len(b) < frameHeader+length {
			break // the machine went off in the middle of it
		}
		frame := b[frameHeader : frameHeader+length]
		b = b[frameHeader+length:]
		from, payload, ok := toPort69(frame)
		if !ok || len(payload) < 2 || protocol.Opcode(binary.BigEndian.Uint16(payload)) != protocol.OpRRQ {
			continue // with a single port the ACKs go there, too
		}
		asked, err := protocol.ParseRequest(payload)
		if err != nil {
			t.Errorf("a machine sent %q: %v", payload, err)
			continue
		}
		r := request{from: from, file: asked.File}
		var options []string
		for _, o := range asked.Options {
			options = append(options, o.Name+"="+o.Value)
		}
		r.options = strings.Join(options, " ")
		if n := len(all); n > 0 && all[n-1].from == r.from && all[n-1].file == r.file {
			continue // it was repeated
		}
		all = append(all, r)
	}
	return all
}

// toPort69 returns the payload of a UDP datagram to that port in an Ethernet frame.
func toPort69(frame []byte) (from netip.AddrPort, payload []byte, ok bool) {
	const ethernet, ipv6, udp = 14, 40, 8
	if len(frame) < ethernet+ipv6+udp { // and no request over IPv4 is shorter
		return from, nil, false
	}
	var source netip.Addr
	var datagram []byte
	switch ip := frame[ethernet:]; {
	case binary.BigEndian.Uint16(frame[12:]) == 0x0800 && ip[9] == 17:
		source = netip.AddrFrom4([4]byte(ip[12:16]))
		datagram = ip[int(ip[0]&15)*4:]
	case binary.BigEndian.Uint16(frame[12:]) == 0x86dd && ip[6] == 17:
		source = netip.AddrFrom16([16]byte(ip[8:24]))
		datagram = ip[ipv6:]
	default:
		return from, nil, false
	}
	if len(datagram) < udp || binary.BigEndian.Uint16(datagram[2:]) != 69 {
		return from, nil, false
	}
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if length < udp || length > len(datagram) {
		return from, nil, false
	}
	return netip.AddrPortFrom(source, binary.BigEndian.Uint16(datagram)), datagram[udp:length], true
}
