package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func BenchmarkParseRequest(b *testing.B) {
	var many strings.Builder
	many.WriteString("\x00\x01f\x00octet\x00")
	for i := 0; many.Len() < MaxRequestLen-5; i++ {
		fmt.Fprintf(&many, "%c%c\x00\x00", 'A'+i%26, 'a'+i/26)
	}
	for _, tt := range []struct{ name, wire string }{
		{"Common", "\x00\x01boot/pxelinux.0\x00octet\x00tsize\x000\x00blksize\x001428\x00windowsize\x0016\x00"},
		{"WorstOptions", many.String()},
	} {
		b.Run(tt.name, func(b *testing.B) {
			wire := []byte(tt.wire)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseRequest(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSenderStep(b *testing.B) {
	s := NewSender(SenderConfig{Windowsize: 16, OACK: true})
	now := time.Unix(0, 0)
	s.Step(now, content(1<<62))
	s.Step(now, start)
	s.Step(now, ack(0))
	b.ReportAllocs()
	for b.Loop() {
		if a := s.Step(now, ack(s.Wire(s.Acked()+16))); a.Count != 16 {
			b.Fatal(a)
		}
	}
}

func BenchmarkNetasciiEncode(b *testing.B) {
	src := []byte(strings.Repeat(strings.Repeat("x", 60)+"\n", 1000))
	dst := make([]byte, 0, 2*len(src))
	var e NetasciiEncoder
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		dst = e.Append(dst[:0], src)
	}
}
