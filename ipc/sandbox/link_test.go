package sandbox

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// A filter's length is paid at each start of a worker.
func TestFiltersAreShort(t *testing.T) {
	t.Parallel()
	for level, most := range map[Level]int{Strict: 150, Network: 150, Exec: 75} {
		if n := len(filter(level)); n > most {
			t.Errorf("the filter of %v has %d instructions, want %d at most", level, n, most)
		}
	}
}

// verdict is what a program does, as it was meant before it was laid out.
func verdict(c code, number uint32) uint32 {
	for a := number; ; {
		k, holds := c.in.K, false
		switch c.in.Code {
		case unix.BPF_RET | unix.BPF_K:
			return k
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a, c = number, c.yes
			continue
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			holds = a == k
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			holds = a >= k
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			holds = a&k != 0
		}
		if holds {
			c = c.yes
		} else {
			c = c.no
		}
	}
}

// Whatever the program, and wherever its jumps lead, it does what its tree says.
func TestAProgramIsWhatItsTreeSays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	comparisons := []uint16{unix.BPF_JEQ, unix.BPF_JGE, unix.BPF_JSET}
	longest := 0
	for range 200 {
		made := []code{allow, denied, unknown} // any of which later ones may end in
		var grow func(depth int) code
		grow = func(depth int) code {
			if depth == 0 || random.IntN(16) == 0 {
				return made[random.IntN(len(made))]
			}
			c := test(comparisons[random.IntN(3)], random.Uint32N(1024), grow(depth-1), grow(depth-1))
			if random.IntN(8) == 0 {
				c = load(offsetNumber, c)
			}
			if depth < 4 {
				made = append(made, c)
			}
			return c
		}
		tree := load(offsetNumber, grow(3+random.IntN(8)))
		program := link(tree)
		longest = max(longest, len(program))
		for range 100 {
			number := random.Uint32N(1024)
			if got, want := run(t, program, 0, number), verdict(tree, number); got != want {
				t.Fatalf("call %d of a program of %d: %#x, want %#x", number, len(program), got, want)
			}
		}
	}
	if longest < 1000 {
		t.Errorf("the longest program has %d instructions: too few for its jumps to be out of reach", longest)
	}
}
