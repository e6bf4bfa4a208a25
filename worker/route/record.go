package route

import (
	"slices"

	"brood/worker"
)

// A rule's record in the table is its name, flags, conditions and what it does.
// Each condition is a kind, the length of its body, and the body: the entries of
// its list. Those of Match come before those of Not, because these may look at a
// MAC that a regexp of those has found.

// The kinds of conditions; negated ones have conditionNot added.
const (
	conditionClient = iota + 1
	conditionLocal
	conditionOption
	conditionFile
	conditionRegexp
	conditionMAC

	conditionNot = 0x80
)

// Flags of a rule.
const (
	flagFold     = 1 << iota // of globs
	flagGroups               // its regexps' groups are wanted
	flagSlash                // BackslashToSlash
	flagLower                // FoldCase
	flagUpper                // FoldCase
	flagContinue             // Then
	flagRestart              // Then
	flagRefuse               // Error or Deny
)

// What a rule does to the name.
const (
	rewriteNot = iota
	rewriteWhole
	replaceOnce
	replaceEach
	replaceUntilGone
)

// action is what a rule does, read from its record.
type action struct {
	flags    uint8
	rewrite  uint8
	template string
	quirks   worker.Quirks
	code     uint16
	message  string
	handler  uint16
	try      []string
}

func (a *action) goesOn() bool { return a.flags&(flagContinue|flagRestart) != 0 }

func (a *action) append(w *writer) {
	w.u8(a.rewrite)
	if a.rewrite != rewriteNot {
		w.text(a.template)
	}
	appendQuirks(w, a.quirks)
	switch {
	case a.goesOn():
	case a.flags&flagRefuse != 0:
		w.u16(a.code)
		w.text(a.message)
	default:
		w.u16(a.handler)
		w.u32(uint32(len(a.try)))
		for _, file := range a.try {
			w.text(file)
		}
	}
}

func readAction(r *reader, flags uint8) action {
	a := action{flags: flags, rewrite: r.u8()}
	if a.rewrite != rewriteNot {
		a.template = string(r.text())
	}
	a.quirks = readQuirks(r)
	switch {
	case a.goesOn():
	case flags&flagRefuse != 0:
		a.code = r.u16()
		a.message = string(r.text())
	default:
		a.handler = r.u16()
		for n := r.u32(); n > 0 && !r.bad; n-- {
			a.try = append(a.try, string(r.text()))
		}
	}
	return a
}

var clamps = [...]worker.Clamp{"", worker.ClampOn, worker.ClampOff}

// appendQuirks writes a one for quirks, and a zero for none: most rules have none.
func appendQuirks(w *writer, q worker.Quirks) {
	if noQuirks(q) {
		w.u8(0)
		return
	}
	w.u8(1)
	w.u32(uint32(q.MaxBlksize))
	w.u32(uint32(q.MaxWindowsize))
	w.u32(uint32(q.MTU))
	w.u16(q.Rollover)
	w.u8(uint8(max(slices.Index(clamps[:], q.MTUClamp), 0)))
	w.u8(flag(q.NoOptions))
	w.u32(uint32(len(q.IgnoreOptions)))
	for _, name := range q.IgnoreOptions {
		w.text(name)
	}
}

func readQuirks(r *reader) worker.Quirks {
	var q worker.Quirks
	if r.u8() == 0 {
		return q
	}
	q.MaxBlksize = int(r.u32())
	q.MaxWindowsize = int(r.u32())
	q.MTU = int(r.u32())
	q.Rollover = r.u16()
	q.MTUClamp = clamps[min(int(r.u8()), len(clamps)-1)]
	q.NoOptions = r.u8() != 0
	for n := r.u32(); n > 0 && !r.bad; n-- {
		q.IgnoreOptions = append(q.IgnoreOptions, string(r.text()))
	}
	return q
}

func noQuirks(q worker.Quirks) bool {
	return q.MaxBlksize == 0 && q.MaxWindowsize == 0 && !q.NoOptions && len(q.IgnoreOptions) == 0 &&
		q.Rollover == 0 && q.MTUClamp == "" && q.MTU == 0
}
