package origin

import (
	"net/http"
	"strings"
	"time"
)

// version is which one of a file's contents an answer of the origin has.
type version struct {
	ETag         string `json:",omitempty"`
	LastModified string `json:",omitempty"`
	// Strong says that LastModified tells one version from every other: it was well
	// before the answer (RFC 9110 §8.8.2.2).
	Strong bool `json:",omitempty"`
}

func versionOf(h http.Header) version {
	v := version{ETag: h.Get("ETag"), LastModified: h.Get("Last-Modified")}
	modified, err1 := http.ParseTime(v.LastModified)
	date, err2 := http.ParseTime(h.Get("Date"))
	v.Strong = err1 == nil && err2 == nil && date.Sub(modified) >= time.Second
	return v
}

// unchanged asks for the file only if it is another version.
func (v version) unchanged(h http.Header) {
	switch {
	case v.ETag != "":
		h["If-None-Match"] = []string{v.ETag}
	case v.LastModified != "":
		h["If-Modified-Since"] = []string{v.LastModified}
	}
}

// resumable returns what If-Range can name this version by, "" if nothing can.
func (v version) resumable() string {
	switch {
	case v.ETag != "" && !strings.HasPrefix(v.ETag, "W/"):
		return v.ETag
	case v.ETag == "" && v.Strong:
		return v.LastModified
	}
	return ""
}

// same says whether another answer is of this version, as far as it tells.
func (v version) same(other version) bool {
	return (other.ETag == "" || other.ETag == v.ETag) && (other.LastModified == "" || other.LastModified == v.LastModified)
}
