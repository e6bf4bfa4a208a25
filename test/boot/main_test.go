//go:build boot

package boot

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
)

// rootEnv makes this executable the guests' own server, of that directory; memoryEnv
// is what its workers may have, in bytes.
const (
	rootEnv   = "BROOD_TEST_ROOT"
	memoryEnv = "BROOD_TEST_MEMORY"
)

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{OpenTimeout: time.Minute}); ok {
		os.Exit(code)
	}
	if len(os.Args) == 2 && greedy[os.Args[1]] != nil {
		greedy[os.Args[1]]()
	}
	if root := os.Getenv(rootEnv); root != "" {
		memory, _ := strconv.ParseInt(os.Getenv(memoryEnv), 10, 64)
		os.Exit(harness.Run(supervisor.Options{
			WorkersMemory: memory,
			Config:        []byte(root), ReadPaths: []string{root},
			StatsInterval: 200 * time.Millisecond, MaxSessionsPerSource: 2, Retries: 20,
		}))
	}
	code := harness.Main(m)
	rows.print()
	os.Exit(code)
}

// rows collects the table, by the machine's name.
var rows table

type table struct {
	mu   sync.Mutex
	rows map[string][]string
}

func (t *table) add(machine string, rows []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows = map[string][]string{}
	}
	t.rows[machine] = rows
}

func (t *table) print() {
	if t.rows == nil {
		return
	}
	fmt.Println("| machine | asked for | with options | blksize × windowsize | outcome |")
	fmt.Println("|---|---|---|---|---|")
	for _, m := range machines {
		for _, row := range t.rows[m.name] {
			fmt.Println(row)
		}
	}
}

// table returns the rows of one machine. Files that there are not, one asked for
// after the other, share one.
func (m *machine) table(all []request) []string {
	var rows []string
	name := m.name
	for i := 0; i < len(all); i++ {
		r := all[i]
		file, terms := "`"+r.file+"`", "—"
		outcome := r.session.String("outcome")
		switch {
		case outcome == "refused":
			last := i
			for last+1 < len(all) && all[last+1].session.String("outcome") == "refused" {
				last++
			}
			if last > i {
				file = fmt.Sprintf("%d names from %s to `%s`", last-i+1, file, all[last].file)
			}
			outcome = "refused: no such file"
			i = last
		default:
			terms = fmt.Sprintf("%d × %d", r.session.Int("blksize"), r.session.Int("windowsize"))
		}
		rows = append(rows, "| "+strings.Join([]string{name, file, r.options, terms, outcome}, " | ")+" |")
		name = ""
	}
	return rows
}

// outcomes are the sessions of files that there are.
func outcomes(all []request) []string {
	var list []string
	for _, r := range all {
		if o := r.session.String("outcome"); o != "refused" {
			list = append(list, o+" "+r.file)
		}
	}
	return slices.Clip(list)
}
