package route

import (
	"regexp/syntax"
)

// literals are texts without which a regexp can't match. They are looked for
// before it is compiled, which costs a hundred times as much, and the first one
// is what its rule is found by.
type literals struct {
	prefix literal // every match begins with it, and where the name does
	needle literal // it is somewhere in the name
}

// literal is a text; with fold it is in lower case, and to be looked for in a
// name in lower case.
type literal struct {
	text string
	fold bool
}

func literalsOf(text string) (literals, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return literals{}, err
	}
	var c collector
	c.walk(re.Simplify())
	c.flush()
	return c.found, nil
}

// collector puts together what stands side by side in a regexp.
type collector struct {
	found    literals
	anchored bool // piece begins where the name does
	piece    []byte
	fold     bool
}

func (c *collector) walk(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpBeginText:
		c.flush()
		c.anchored = true
	case syntax.OpEmptyMatch:
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			c.walk(sub)
		}
	case syntax.OpPlus:
		c.walk(re.Sub[0])
		c.flush()
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			c.add(r, re.Flags&syntax.FoldCase != 0)
		}
	default:
		c.flush()
	}
}

// add takes only what case folding leaves within A to Z: the long s is an s to a
// regexp, the Kelvin sign a k, and what is not UTF-8 one character like another.
func (c *collector) add(r rune, fold bool) {
	if fold && r < 0x80 {
		r = rune(lowerByte(byte(r)))
	}
	if r >= 0x80 || fold && (r == 'k' || r == 's') {
		c.flush()
		return
	}
	if fold != c.fold && len(c.piece) > 0 {
		c.flush()
	}
	c.fold = fold
	c.piece = append(c.piece, byte(r))
}

func (c *collector) flush() {
	l := literal{string(c.piece), c.fold}
	if c.anchored {
		c.found.prefix = l
	}
	if len(l.text) > len(c.found.needle.text) {
		c.found.needle = l
	}
	c.anchored, c.piece = false, c.piece[:0]
}
