package top

// list is a window on rows, and a cursor that may be on one of them.
type list struct {
	rows   int // that there are
	height int // of the window
	top    int // the first row in it
	cursor int // none: -1
}

// move moves the cursor. If there is none it comes to be where the window begins.
func (l *list) move(by int) {
	if l.cursor < 0 {
		by, l.cursor = 0, l.top
	}
	l.set(max(0, l.cursor+by), l.top)
}

// page moves the window, and the cursor with it.
func (l *list) page(by int) {
	by *= max(1, l.height-1)
	if l.cursor < 0 {
		l.set(-1, l.top+by)
		return
	}
	l.set(min(max(0, l.cursor+by), l.rows-1), l.top+by)
}

// set puts the cursor on a row, or the next that there is, and the window somewhere near
// a row so that it has the cursor in it.
func (l *list) set(cursor, top int) {
	l.cursor = min(max(-1, cursor), l.rows-1)
	if l.cursor >= 0 {
		top = min(max(top, l.cursor-l.height+1), l.cursor)
	}
	l.top = max(0, min(top, l.rows-l.height))
}

// key takes a key that moves, and says whether it was one.
func (l *list) key(name string) bool {
	switch name {
	case "up":
		l.move(-1)
	case "down":
		l.move(1)
	case "pgup":
		l.page(-1)
	case "pgdown":
		l.page(1)
	case "home":
		l.set(min(l.cursor, 0), 0)
	case "end":
		l.set(l.rows-1, l.rows)
	default:
		return false
	}
	return true
}
