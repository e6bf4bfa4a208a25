package exec

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"brood/protocol"
	"brood/worker"
)

// prefix begins the variables that tell of the request.
const prefix = "TFTP_"

// errName is made of what costs nothing before it is needed: every worker has this
// package in its image.
type errName struct{}

func (errName) Error() string { return "not run: control characters, or not UTF-8" }
func (errName) Unwrap() error { return fs.ErrNotExist }

// wireRequest is what the program reads.
type wireRequest struct {
	File      string            `json:"file"`
	Peer      string            `json:"peer"`
	PeerPort  uint16            `json:"peer_port"`
	Local     string            `json:"local"`
	LocalPort uint16            `json:"local_port"`
	MAC       string            `json:"mac"`
	Mode      string            `json:"mode"`
	Options   map[string]string `json:"options"` // names in small letters
}

// told returns a request as the program is told it: by variables of its
// environment, and by a line for its standard input.
func told(req *worker.Request) (env []string, line []byte, err error) {
	if !plain(req.File) {
		return nil, nil, errName{}
	}
	w := wireRequest{
		File: req.File,
		Peer: req.Peer.Addr().String(), PeerPort: req.Peer.Port(),
		Local: req.Local.Addr().String(), LocalPort: req.Local.Port(),
		MAC: req.MAC, Mode: req.Mode.String(),
		Options: map[string]string{},
	}
	env = []string{
		prefix + "FILE=" + w.File,
		prefix + "PEER=" + w.Peer,
		prefix + "PEER_PORT=" + strconv.Itoa(int(w.PeerPort)),
		prefix + "LOCAL=" + w.Local,
		prefix + "LOCAL_PORT=" + strconv.Itoa(int(w.LocalPort)),
		prefix + "MAC=" + w.MAC,
		prefix + "MODE=" + w.Mode,
	}
	taken := map[string]bool{}
	for _, o := range req.Options {
		if !plain(o.Name) || !plain(o.Value) {
			continue
		}
		w.Options[protocol.Lower(o.Name)] = o.Value
		if name, ok := variable(o.Name); ok && !taken[name] {
			taken[name] = true
			env = append(env, prefix+"OPTION_"+name+"="+o.Value)
		}
	}
	line, err = json.Marshal(w)
	if err != nil {
		return nil, nil, errors.Join(errName{}, err)
	}
	return env, append(line, '\n'), nil
}

// plain says whether a text is one of people's: one line, without surprises.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// variable returns the form that an option's name has in the environment.
func variable(option string) (name string, ok bool) {
	name = strings.ReplaceAll(protocol.Lower(option), "-", "_")
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return "", false
		}
	}
	return strings.ToUpper(name), true
}
