// Package figures writes numbers for people, short.
package figures

import (
	"fmt"
	"time"
)

// Size is a number of bytes in four characters or so.
func Size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	units := []string{"kB", "MB", "GB"}
	f, i := float64(n)/1000, 0
	for ; f >= 999.95 && i < len(units)-1; i++ {
		f /= 1000
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// Rate is so many bytes in such a time.
func Rate(bytes int64, d time.Duration) string {
	return Size(int64(float64(bytes)/max(d, 1).Seconds())) + "/s"
}

// Span is a time, to three digits or so.
func Span(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// Age is a time that goes on: seconds, and what is longer in its two largest parts.
func Age(d time.Duration) string {
	d = d.Truncate(time.Second)
	s := int(d / time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", s)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
