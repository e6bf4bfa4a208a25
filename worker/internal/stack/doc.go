// Package stack gives the goroutine that runs main a large stack before anything else
// has run on it.
//
// A goroutine begins with 2 KiB, and while packages are initialised and a worker gets
// ready its stack is doubled three times. Each time the runtime looks up every frame's
// layout, in tables that lie all over the image, and fills a pool of stacks of that size,
// which are links in pages that nobody else uses: of the 272 page faults of a worker that
// gets ready these were 24. Grown once, while it has three frames, to a size for which
// there is no pool, it touches the pages that it uses.
//
// A package without imports is initialised in the order of its path's name, and this one
// comes before all of the standard library's.
package stack

// grow has a frame that 16 KiB are too few for.
func grow()

func init() { grow() }
