package main

import (
	"bytes"
	"io"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// newLog returns the log of the server, which goes to w.
func newLog(w io.Writer, json bool, level hclog.Level) hclog.Logger {
	o := hclog.LoggerOptions{Name: "brood", JSONFormat: json, Level: level}
	out := &logOutput{w: w}
	notice := o
	notice.Output = &out.notice
	out.confess = hclog.New(&notice)
	o.Output = out
	return hclog.New(&o)
}

// logOutput counts the lines that their writer does not take, because a disk is
// full or a pipe's reader has gone, and says how many when it takes one again.
type logOutput struct {
	mu      sync.Mutex
	w       io.Writer
	lost    int   // lines
	why     error // the last one was
	torn    bool  // a part of a line was written
	confess hclog.Logger
	notice  bytes.Buffer // what confess writes to
}

// Write takes one line. It never fails: there is nobody to tell.
func (o *logOutput) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost > 0 {
		o.confess.Warn("log lines were lost", "lines", o.lost, "why", o.why.Error())
		if o.write(o.notice.Bytes()) {
			o.lost = 0
		}
		o.notice.Reset()
	}
	if o.lost > 0 || !o.write(line) {
		o.lost++
	}
	return len(line), nil
}

func (o *logOutput) write(line []byte) bool {
	if o.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := o.w.Write(line)
	if err != nil {
		o.why = err
		if n > 0 {
			o.torn = line[n-1] != '\n'
		}
		return false
	}
	o.torn = false
	return true
}
