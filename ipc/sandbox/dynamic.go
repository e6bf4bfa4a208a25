//go:build cgo

package sandbox

// dynamic says that this executable needs the loader and shared libraries.
const dynamic = true
