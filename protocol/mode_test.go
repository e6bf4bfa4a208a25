package protocol

import "testing"

func TestParseMode(t *testing.T) {
	tests := []struct {
		word string
		want Mode
		err  error
	}{
		{"octet", Octet, nil},
		{"OCTET", Octet, nil},
		{"oCtEt", Octet, nil},
		{"netascii", Netascii, nil},
		{"NetASCII", Netascii, nil},
		{"mail", 0, ErrMail},
		{"MAIL", 0, ErrMail},
		{"", 0, ErrMode},
		{"binary", 0, ErrMode},
		{"octet ", 0, ErrMode},
	}
	for _, tt := range tests {
		if got, err := parseMode(tt.word); got != tt.want || err != tt.err {
			t.Errorf("parseMode(%q) = %v, %v; want %v, %v", tt.word, got, err, tt.want, tt.err)
		}
	}
}

func TestModeString(t *testing.T) {
	for mode, want := range map[Mode]string{Octet: "octet", Netascii: "netascii", 9: "mode 9"} {
		if got := mode.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
