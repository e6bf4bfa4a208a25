// Package monitoring has Debian's Prometheus scrape a live server's console, and tries
// what cmd/broodctl/monitoring gives to operators: alerting rules and a dashboard.
package monitoring

import (
	"os"
	"testing"

	"brood/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// given is the folder of what operators get.
const given = "../../cmd/broodctl/monitoring/"

// find returns the path of a program of Debian's package prometheus.
func find(t *testing.T, program string) string {
	t.Helper()
	return harness.Tool(t, program, "../../.tools/prometheus", "test/monitoring/install-prometheus")
}
