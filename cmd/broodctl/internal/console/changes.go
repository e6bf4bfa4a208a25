package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"brood/ipc/admin"
)

// How long the server may take for what changes it: a reload waits for a worker that
// comes up with the new configuration.
const (
	doesWithin    = 10 * time.Second
	reloadsWithin = 2 * time.Minute
)

// do has the server do something, and says so if it is done.
func (c *Console) do(w http.ResponseWriter, r *http.Request, request admin.Request, within time.Duration) error {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within + answerWithin))
	err := c.link.Do(r.Context(), request, within)
	result := "done"
	if err != nil {
		result = err.Error()
	}
	c.log.say("console: the server was asked for a change", "client", r.RemoteAddr, "request", request.Kind, "text", request.Text, "number", request.Number, "result", result)
	var said *admin.Error
	switch {
	case errors.As(err, &said) && said.Code == admin.CodeForbidden:
		return faultf(http.StatusForbidden, "%v: the console runs as none of them; have it run in that group", err)
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// bare is for a request that says everything by its path.
func bare(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r); err != nil {
		return err
	}
	return body(w, r, &struct{}{})
}

func (c *Console) drain(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	return c.do(w, r, admin.Request{Kind: admin.KindDrain}, doesWithin)
}

func (c *Console) reload(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	return c.do(w, r, admin.Request{Kind: admin.KindReload}, reloadsWithin)
}

func (c *Console) kill(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		return faultf(http.StatusBadRequest, "session %s: want a number, as /api/v1/sessions has it", r.PathValue("id"))
	}
	return c.do(w, r, admin.Request{Kind: admin.KindKill, Number: id}, doesWithin)
}

func (c *Console) setLogLevel(w http.ResponseWriter, r *http.Request) error {
	var fields struct {
		Level *string `json:"level"`
	}
	if err := onlyParameters(r); err != nil {
		return err
	}
	if err := body(w, r, &fields); err != nil {
		return err
	}
	if fields.Level == nil || !slices.Contains([]string{"trace", "debug", "info", "warn", "error"}, *fields.Level) {
		return faultf(http.StatusBadRequest, `which level? {"level": "debug"}, or trace, info, warn, error`)
	}
	return c.do(w, r, admin.Request{Kind: admin.KindLogLevel, Text: *fields.Level}, doesWithin)
}
