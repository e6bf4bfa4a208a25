package config

import (
	"strings"
	"testing"
)

func TestATokenIsOneLongWord(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("0123456789abcdef", 2)
	for in, want := range map[string]string{
		word: word, word + "\n": word, "  " + word + "\r\n": word, strings.Repeat("a", maxToken) + "\n": strings.Repeat("a", maxToken),
		"": "", "\n": "", "short": "", word + " " + word: "", word + "\n" + word: "", word + "\x00": "", word + "ä": "", strings.Repeat("a", maxToken+1): "", strings.Repeat("a", 5000): "",
	} {
		got, err := ReadToken(strings.NewReader(in))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.40q: %.40q, %v; want %.40q", in, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), word) {
			t.Errorf("the error tells the token: %v", err)
		}
	}
}
