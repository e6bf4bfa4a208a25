package supervisor

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// parseMAC reads a hardware address as it is written anywhere, with colons, dashes,
// dots or nothing between, and returns it as the neighbour table's are.
func parseMAC(text string) (string, bool) {
	b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(text))
	if err != nil || len(b) != 6 {
		return "", false
	}
	return macText([6]byte(b)), true
}

// macText is how a hardware address is spelled wherever it is shown or compared.
func macText(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}
