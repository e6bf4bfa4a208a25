// Package metrics says how a brood server is in the way of Prometheus.
//
// The server counts; nothing is counted here but what the console itself does. So a
// console that is started anew, or several of them, make no difference to counters and
// histograms, which begin with the server's process: brood_start_time_seconds.
//
// A scrape asks the server and takes as long as that, which its Source bounds. When it
// can't be asked, brood_up is 0 and nothing is said of it.
//
// Labels have a fixed number of values, or, of builds, one.
package metrics
