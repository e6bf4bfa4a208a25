package protocol

import "encoding/binary"

// DataHeaderLen is what a DATA packet has before its payload, in bytes.
const DataHeaderLen = headerLen

// Data is the DATA packet of RFC 1350 §5.
type Data struct {
	Block   uint16 // as on the wire; see Sender.Wire
	Payload []byte // shorter than blksize, possibly empty, in the last packet
}

// Append appends the DATA packet of RFC 1350 §5 to b. It does not retain
// d.Payload.
func (d Data) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(OpDATA))
	b = binary.BigEndian.AppendUint16(b, d.Block)
	return append(b, d.Payload...)
}

// ParseData parses a DATA packet. The payload aliases b, clipped so that
// appending to it copies it. Comparing its length with blksize is the caller's.
func ParseData(b []byte) (Data, error) {
	if err := expect(b, OpDATA, headerLen); err != nil {
		return Data{}, err
	}
	return Data{Block: binary.BigEndian.Uint16(b[2:]), Payload: b[headerLen:len(b):len(b)]}, nil
}
