package admin

import (
	"fmt"
	"math"

	"brood/ipc"
)

// Hello is the server's first frame.
type Hello struct {
	Version   int    // of this contract
	Program   string // what the server calls itself, such as "brood 1.2.0"
	PID       int
	MayChange bool // whether this client may do more than look
}

// magic is the first field of a Hello. It stays what it is in every version, and so
// does the second, the version.
const magic = "brood-admin"

const helloFields = 5

// Append appends the frame to b.
func (h Hello) Append(b []byte) ([]byte, error) {
	e := ipc.NewEncoder(helloFields)
	e.Text(magic)
	e.Uint(uint64(h.Version))
	e.Text(h.Program)
	e.Uint(uint64(h.PID))
	e.Uint(bit(h.MayChange))
	body, err := e.Bytes()
	return appendFrame(b, body), err
}

func bit(set bool) uint64 {
	if set {
		return 1
	}
	return 0
}

// VersionError says that the two sides speak different versions.
type VersionError struct {
	Server  int
	Program string // what the server calls itself, if that could be read
}

func (e *VersionError) Error() string {
	which := "newer"
	if e.Server < Version {
		which = "older"
	}
	return fmt.Sprintf("the server is %s: it speaks version %d of the admin protocol, and this program version %d: use the broodctl of the server's release", which, e.Server, Version)
}

func parseHello(body []byte) (Hello, error) {
	d := ipc.NewDecoder(body, helloFields)
	if said := d.Text(); said != magic {
		return Hello{}, fmt.Errorf("%w: whoever listens there is no brood server", ipc.ErrMalformed)
	}
	h := Hello{Version: int(d.Uint(math.MaxInt32))}
	if h.Version != Version {
		return h, &VersionError{Server: h.Version}
	}
	h.Program, h.PID, h.MayChange = d.Text(), int(d.Uint(math.MaxInt32)), d.Uint(1) == 1
	return h, d.End()
}
