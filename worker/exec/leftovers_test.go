package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"brood/worker"
	"brood/worker/workertest"
)

// family is a script that leaves something behind: a child in the background, with
// nothing in common with the program but the FIFO "$1" that both hold open. When
// the child is there it opens "$1-ready". What is started before the request was
// read is outside of the promise.
const family = `read request; exec 3<"$1"; sleep 1000 <&3 >/dev/null 2>&1 & : <"$1-ready"; `

func newFamily(t testing.TB) (alive, ready *fifo) {
	t.Helper()
	path := t.TempDir() + "/fifo"
	return newFIFO(t, path), newFIFO(t, path+"-ready")
}

func TestNothingOfAProgramOutlivesItsSession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script string
		max          int
		want         string // content, or a part of the detail
	}{
		{"a program that ends", family + `echo done`, 0, "done\n"},
		{"a program that fails", family + `exit 3`, 0, "exit status 3"},
		{"a program that a signal ends", family + `kill -9 $$`, 0, "killed by signal 9"},
		{"a program that writes too much", family + `cat /dev/zero`, 1 << 20, "wrote more than"},
		{"a child that holds the output open", `read request; exec 3<"$1"; sleep 1000 <&3 & : <"$1-ready"; echo done`, 0, "done\n"},
		{"a child that writes for ever", `read request; exec 3<"$1"; yes <&3 >&2 & : <"$1-ready"; echo done`, 0, "done\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			alive, ready := newFamily(t)
			o := script(tt.script, alive.path)
			o.MaxOutput = tt.max
			h, _ := handler(t, o)
			r := workertest.Get(t, h, "x")
			if string(r.Content) != tt.want && (r.Err == nil || !strings.Contains(r.Detail, tt.want)) {
				t.Errorf("%.100q, ERROR %v (%s); want %q", r.Content, r.Err, r.Detail, tt.want)
			}
			ready.mustOpen(t).Close() // the child was there
			alive.mustBeLetGo(t)
		})
	}
}

func TestNothingOfAProgramOutlivesTheEndOfItsContext(t *testing.T) {
	t.Parallel()
	alive, ready := newFamily(t)
	h, _ := handler(t, script(family+`sleep 1000`, alive.path))
	over := errors.New("the session is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		(<-ready.opened).Close()
		cancel(over)
	}()
	if _, err := h.Open(ctx, &worker.Request{File: "x"}); !errors.Is(err, over) {
		t.Errorf("%v, want the context's cause", err)
	}
	alive.mustBeLetGo(t)
}

// child opens a file and says so, in a process that is killed meanwhile.
func child(config []byte) int {
	h, err := newHandler(config)
	if err == nil {
		_, err = h.Open(context.Background(), &worker.Request{File: "x"})
	}
	fmt.Println("opened:", err)
	return 1
}

func TestAWorkerThatIsKilledTakesItsProgramsAlong(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a child beside its parent":               family + `sleep 1000`,
		"a child without a parent":                `exec 4<&0; (exec <&4; ` + family + `) & exec sleep 1000`,
		"a child that has closed everything else": `read request; exec 3<"$1"; (exec sleep 1000 4<&- 5<&- 6<&- 7<&- 8<&- 9<&- >/dev/null 2>&1) & : <"$1-ready"; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alive, ready := newFamily(t)
			o := script(text, alive.path)
			o.Deadline = time.Hour
			config, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			cmd := osexec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), childEnv+"="+string(config))
			var said strings.Builder
			cmd.Stdout = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ready.mustOpen(t).Close()
			cmd.Process.Kill()
			cmd.Wait()
			alive.mustBeLetGo(t)
			if said.Len() > 0 {
				t.Errorf("the child was not killed in time: %s", &said)
			}
		})
	}
}

func TestOpenLeavesNoDescriptorBehind(t *testing.T) {
	var handlers []*Handler
	for _, o := range []Options{
		script(`echo done`, ""), script(`exit 1`, ""), script(`head -c 100 /dev/zero`, ""),
		{Command: []string{"/bin/sleep", "1000"}, Deadline: time.Millisecond},
	} {
		o.MaxOutput = 50
		h, _ := handler(t, o)
		handlers = append(handlers, h)
	}
	noProgram, _ := handler(t, script("", ""))
	noProgram.options.Command = []string{"/no/such/program"}
	round := func() {
		for _, h := range append(handlers, noProgram) {
			if resp, err := h.Open(t.Context(), &worker.Request{File: "x"}); err == nil {
				resp.Close()
			}
		}
	}
	open := func() int {
		t.Helper()
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	round() // the first timer makes the runtime's poller, which stays
	before := open()
	for range 10 {
		round()
	}
	if after := open(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
