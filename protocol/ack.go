package protocol

import "encoding/binary"

// Ack is the ACK packet of RFC 1350 §5.
type Ack struct {
	Block uint16 // the last block received in order, as on the wire; 0 answers an OACK (RFC 2347)
}

// Append appends the ACK packet to b.
func (a Ack) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(OpACK))
	return binary.BigEndian.AppendUint16(b, a.Block)
}

// ParseAck parses an ACK packet. Bytes after the block number are ignored:
// other servers do so, and a padded ACK leaves no doubt about what it says.
func ParseAck(b []byte) (Ack, error) {
	if err := expect(b, OpACK, headerLen); err != nil {
		return Ack{}, err
	}
	return Ack{Block: binary.BigEndian.Uint16(b[2:])}, nil
}
