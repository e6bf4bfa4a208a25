package protocol

import "testing"

func TestErrorCodeString(t *testing.T) {
	seen := map[string]ErrorCode{}
	for code := CodeUndefined; code <= CodeOptionRefused; code++ {
		text := code.String()
		if other, ok := seen[text]; ok || text == "" {
			t.Errorf("codes %d and %d are both %q", code, other, text)
		}
		seen[text] = code
	}
	if got, want := ErrorCode(9).String(), "error code 9"; got != want {
		t.Errorf("ErrorCode(9).String() = %q, want %q", got, want)
	}
}
