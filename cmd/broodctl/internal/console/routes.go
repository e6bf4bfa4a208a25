package console

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// answer answers a request, or says why not: by a fault, or what the link says.
type answer func(w http.ResponseWriter, r *http.Request) error

// methods are a path's.
type methods map[string]answer

// paths is everything that there is, by ServeMux's patterns without methods.
func (c *Console) paths() map[string]methods {
	return map[string]methods{
		"/{$}":                  {http.MethodGet: c.index},
		"/metrics":              {http.MethodGet: c.scrape},
		"/healthz":              {http.MethodGet: c.alive},
		"/readyz":               {http.MethodGet: c.ready},
		"/api/v1/stats":         {http.MethodGet: c.stats},
		"/api/v1/sessions":      {http.MethodGet: c.sessions},
		"/api/v1/machines":      {http.MethodGet: c.machines},
		"/api/v1/machines/{id}": {http.MethodGet: c.machine},
		"/api/v1/events":        {http.MethodGet: c.events},
		"/api/v1/openapi.json":  {http.MethodGet: c.description},
		"/api/v1/drain":         {http.MethodPost: c.protected(c.drain)},
		"/api/v1/reload":        {http.MethodPost: c.protected(c.reload)},
		"/api/v1/sessions/{id}": {http.MethodDelete: c.protected(c.kill)},
		"/api/v1/log-level":     {http.MethodPut: c.protected(c.setLogLevel)},
		"/api/v1/rules":         {http.MethodPut: c.protected(c.setRule), http.MethodDelete: c.protected(c.liftRule)},
	}
}

func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	for path, methods := range c.paths() {
		mux.Handle(path, methods)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		tell(w, faultf(http.StatusNotFound, "there is no %s here: / names what there is", r.URL.Path))
	})
	return mux
}

// ServeHTTP answers by the request's method.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := m[r.Method]
	if r.Method == http.MethodHead { // net/http leaves out the body
		answer = m[http.MethodGet]
	}
	if answer == nil {
		allow := slices.Sorted(maps.Keys(m))
		if m[http.MethodGet] != nil {
			allow = append(allow, http.MethodHead)
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		tell(w, faultf(http.StatusMethodNotAllowed, "%s is not for %s", r.Method, r.URL.Path))
		return
	}
	if err := answer(w, r); err != nil {
		tell(w, err)
	}
}

func (c *Console) scrape(w http.ResponseWriter, r *http.Request) error {
	c.metrics.ServeHTTP(w, r)
	return nil
}
