//go:build cgo

package harness

const cgoEnabled = true
