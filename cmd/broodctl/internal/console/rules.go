package console

import (
	"errors"
	"net/http"
	"strconv"

	"brood/ipc/admin"
	"brood/supervisor"
)

// maxSeconds is a year, the longest that a rule can be for.
const maxSeconds = 366 * 24 * 60 * 60

// setRule allows or denies a prefix for a time.
func (c *Console) setRule(w http.ResponseWriter, r *http.Request) error {
	var fields struct {
		Prefix  *string  `json:"prefix"`
		Allow   *bool    `json:"allow"`
		Seconds *float64 `json:"seconds"`
	}
	if err := onlyParameters(r); err != nil {
		return err
	}
	if err := body(w, r, &fields); err != nil {
		return err
	}
	if fields.Prefix == nil || fields.Allow == nil || fields.Seconds == nil {
		return faultf(http.StatusBadRequest, `something is missing: {"prefix": "10.0.0.0/8", "allow": false, "seconds": 600}`)
	}
	if *fields.Seconds < 0.001 || *fields.Seconds > maxSeconds {
		return faultf(http.StatusBadRequest, "seconds %v: want more than 0 and at most a year; DELETE takes a rule back", *fields.Seconds)
	}
	return c.rule(w, r, *fields.Prefix, *fields.Allow, uint64(*fields.Seconds*1000))
}

// liftRule takes a rule back.
func (c *Console) liftRule(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r, "prefix", "allow"); err != nil {
		return err
	}
	if err := body(w, r, &struct{}{}); err != nil {
		return err
	}
	q := r.URL.Query()
	allow, err := strconv.ParseBool(q.Get("allow"))
	if err != nil || !q.Has("prefix") {
		return faultf(http.StatusBadRequest, "which rule? ?prefix=10.0.0.0/8&allow=false")
	}
	err = c.rule(w, r, q.Get("prefix"), allow, 0)
	var said *admin.Error
	if errors.As(err, &said) && said.Code == admin.CodeFailed { // there is no such rule
		return faultf(http.StatusNotFound, "%v", err)
	}
	return err
}

func (c *Console) rule(w http.ResponseWriter, r *http.Request, prefix string, allow bool, milliseconds uint64) error {
	p, err := supervisor.ParsePrefix(prefix)
	if err != nil {
		return faultf(http.StatusBadRequest, "%v", err)
	}
	kind := admin.KindDeny
	if allow {
		kind = admin.KindAllow
	}
	return c.do(w, r, admin.Request{Kind: kind, Text: p.String(), Number: milliseconds}, doesWithin)
}
