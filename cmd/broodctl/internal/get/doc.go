// Package get is what broodctl get does with package client: it finds out whom to
// ask from a URL, keeps or checks what comes, shows how it goes, and says what went
// wrong in words and exit codes. How to talk TFTP is not its business.
package get
