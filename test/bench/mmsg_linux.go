package main

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2), which x/sys does not have.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// batch is where recvmmsg puts datagrams. One serves all sockets in turn: what
// was received is dealt with before the next call.
type batch struct {
	msgs   []mmsghdr
	iovs   []unix.Iovec
	names  []unix.RawSockaddrInet4
	buf    []byte
	stride int
}

// newBatch makes room for n datagrams of the given size and no more: what stays
// in the CPU's cache costs a client nothing.
func newBatch(n, size int) *batch {
	b := &batch{
		msgs:   make([]mmsghdr, n),
		iovs:   make([]unix.Iovec, n),
		names:  make([]unix.RawSockaddrInet4, n),
		buf:    make([]byte, n*size),
		stride: size,
	}
	for i := range b.msgs {
		b.iovs[i].Base = &b.buf[i*size]
		b.iovs[i].SetLen(size)
		h := &b.msgs[i].hdr
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		h.Namelen = unix.SizeofSockaddrInet4
	}
	return b
}

// receive fills the batch. RawSyscall, here and below: the caller owns its thread,
// nothing blocks for more than a few milliseconds, and telling Go's scheduler of
// each call costs as much as a small datagram.
func (b *batch) receive(fd, flags int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&b.msgs[0])), uintptr(len(b.msgs)), uintptr(flags), 0, 0)
	return int(n), errno
}

func (b *batch) packet(i int) []byte {
	return b.buf[i*b.stride : i*b.stride+int(b.msgs[i].n)]
}

func (b *batch) from(i int) netip.AddrPort {
	name := &b.names[i]
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), binary.BigEndian.Uint16(port[:]))
}

func rawSockaddr(a netip.AddrPort) unix.RawSockaddrInet4 {
	name := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().As4()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], a.Port())
	return name
}

func rawConnect(fd int, to unix.RawSockaddrInet4) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to)), unix.SizeofSockaddrInet4)
	return errno
}

func rawWrite(fd int, b []byte) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return errno
}

func rawSendto(fd int, b []byte, to *unix.RawSockaddrInet4) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0,
		uintptr(unsafe.Pointer(to)), unix.SizeofSockaddrInet4)
	return errno
}

func rawEpollWait(fd int, events []unix.EpollEvent, ms int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(ms), 0, 0)
	return int(n), errno
}
