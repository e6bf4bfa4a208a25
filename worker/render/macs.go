package render

import "brood/worker/render/inventory"

// macIn returns the function that prints a MAC of any notation in one of them.
func macIn(separator string, group int) func(string) (string, error) {
	return func(s string) (string, error) {
		mac, err := inventory.ParseMAC(s)
		if err != nil {
			return "", err
		}
		return mac.Join(separator, group), nil
	}
}

// macPXE prints a MAC as PXELINUX and GRUB name files by it: the hardware type
// of Ethernet (RFC 1700), and the digits with dashes.
func macPXE(s string) (string, error) {
	dashed, err := macIn("-", 1)(s)
	if err != nil {
		return "", err
	}
	return "01-" + dashed, nil
}
