package main

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// ideal answers as fast as this machine can, and is no server: one socket, no
// process, no timer, content in memory, a window in one system call. What the
// client measures here is the most that it can measure.
type ideal struct {
	fd    int
	in    *batch
	files map[string][]byte
	peers map[netip.AddrPort]*idealPeer

	headers [64][4]byte
	iovs    [128]unix.Iovec
	msg     unix.Msghdr
	control []byte
}

type idealPeer struct {
	name            unix.RawSockaddrInet4
	content         []byte
	blksize, window int
	acked           int
}

func newIdeal(root string) (*ideal, error) {
	x := &ideal{fd: -1, in: newBatch(64, 1024), files: map[string][]byte{}, peers: map[netip.AddrPort]*idealPeer{}}
	names, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if x.files[n.Name()], err = os.ReadFile(filepath.Join(root, n.Name())); err != nil {
			return nil, err
		}
	}
	x.control = make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&x.control[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	return x, nil
}

// serve answers on the calling goroutine until ctx ends.
func (x *ideal) serve(ctx context.Context, at netip.AddrPort) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	x.fd = fd
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 5000})
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		return err
	}
	for ctx.Err() == nil {
		n, errno := x.in.receive(fd, unix.MSG_WAITFORONE)
		if errno != 0 {
			continue
		}
		for i := range n {
			x.packet(x.in.from(i), x.in.packet(i))
		}
	}
	return nil
}

func (x *ideal) packet(from netip.AddrPort, p []byte) {
	if len(p) < 4 {
		return
	}
	switch protocol.Opcode(binary.BigEndian.Uint16(p)) {
	case protocol.OpRRQ:
		x.request(from, p)
	case protocol.OpACK:
		if peer := x.peers[from]; peer != nil {
			peer.acked += int(int16(binary.BigEndian.Uint16(p[2:]) - uint16(peer.acked)))
			x.window(from, peer)
		}
	case protocol.OpERROR:
		delete(x.peers, from)
	}
}

func (x *ideal) request(from netip.AddrPort, p []byte) {
	req, err := protocol.ParseRequest(p)
	if err != nil {
		return
	}
	peer := &idealPeer{name: rawSockaddr(from), content: x.files[req.File], blksize: protocol.DefaultBlksize, window: 1}
	if peer.content == nil {
		rawSendto(x.fd, (&protocol.Error{Code: protocol.CodeNotFound}).Append(nil), &peer.name)
		return
	}
	x.peers[from] = peer
	for _, o := range req.Options {
		n, _ := strconv.Atoi(o.Value)
		switch o.Name {
		case "blksize":
			peer.blksize = n
		case "windowsize":
			peer.window = n
		}
	}
	if len(req.Options) > 0 {
		rawSendto(x.fd, protocol.OACK{Options: req.Options}.Append(nil), &peer.name)
		return
	}
	x.window(from, peer)
}

// window sends what follows the last ACK.
func (x *ideal) window(from netip.AddrPort, p *idealPeer) {
	last := len(p.content)/p.blksize + 1
	if p.acked >= last {
		delete(x.peers, from)
		return
	}
	most := min(len(x.headers), 65507/(p.blksize+4)) // the kernel's limits for one write
	for next, end := p.acked+1, min(p.acked+p.window, last); next <= end; {
		n := min(end-next+1, most)
		for i := range n {
			block := next + i
			x.headers[i] = [4]byte{1: byte(protocol.OpDATA), 2: byte(block >> 8), 3: byte(block)}
			payload := p.content[(block-1)*p.blksize : min(block*p.blksize, len(p.content))]
			x.iovs[2*i].Base = &x.headers[i][0]
			x.iovs[2*i].SetLen(4)
			x.iovs[2*i+1].Base = unsafe.SliceData(payload)
			x.iovs[2*i+1].SetLen(len(payload))
		}
		x.msg = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&p.name)), Namelen: unix.SizeofSockaddrInet4, Iov: &x.iovs[0]}
		x.msg.SetIovlen(2 * n)
		if n > 1 {
			binary.NativeEndian.PutUint16(x.control[unix.CmsgLen(0):], uint16(p.blksize+4))
			x.msg.Control = &x.control[0]
			x.msg.SetControllen(len(x.control))
		}
		unix.RawSyscall(unix.SYS_SENDMSG, uintptr(x.fd), uintptr(unsafe.Pointer(&x.msg)), 0)
		next += n
	}
}
