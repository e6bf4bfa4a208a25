package supervisor

import (
	"encoding/hex"
	"strings"
)

// parseMAC reads a hardware address as it is written anywhere, with colons, dashes,
// dots or nothing between, and returns it as the neighbour table's are.
func parseMAC(text string) (string, bool) {
	b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(text))
	if err != nil || len(b) != 6 {
		return "", false
	}
	parts := make([]string, len(b))
	for i := range b {
		parts[i] = hex.EncodeToString(b[i : i+1])
	}
	return strings.Join(parts, ":"), true
}
