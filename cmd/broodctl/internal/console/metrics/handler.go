package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// New returns what answers scrapes.
func New(source Source, self Self) http.Handler {
	// A registry of its own: the default one has figures of this process, too, which
	// would be taken for the server's.
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newCollector(source, self))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}
