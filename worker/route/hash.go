package route

// key is a running hash (FNV-1a, 64 bits) of what a rule is found by. Two keys
// may be the same by chance: what is found is looked at in any case.
type key uint64

const (
	keyStart key = 14695981039346656037
	keyPrime key = 1099511628211
)

// The kinds of keys.
const (
	keyFile       = iota + 1 // a whole name
	keyFileFold              // a whole name in lower case
	keyPrefix                // what a name begins with
	keyPrefixFold            // the same in lower case
	keyClient4               // length and address of a prefix
	keyClient6               // the same
	keyMAC                   // first octets
)

func newKey(kind byte) key { return keyStart.add(kind) }

func (k key) add(c byte) key { return (k ^ key(c)) * keyPrime }

func (k key) bytes(b []byte) key {
	for _, c := range b {
		k = k.add(c)
	}
	return k
}

func (k key) string(s string) key {
	for i := range len(s) {
		k = k.add(s[i])
	}
	return k
}

// slot mixes the high bits in, which FNV's multiplication leaves out of the low ones.
func (k key) slot(mask uint32) uint32 {
	k ^= k >> 32
	k *= 0x9e3779b97f4a7c15
	return uint32(k>>32) & mask
}
