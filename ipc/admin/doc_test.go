package admin

import (
	"bytes"
	"encoding/hex"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// keys are what the items of a type are written with.
func keys(t reflect.Type) (all []string) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return nil
	}
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get(tag), ",")
		all = append(append(all, key), keys(t.Field(i).Type)...)
	}
	return all
}

func TestTheContractNamesEverythingThatIsSaid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../supervisor/ADMIN.md")
	if err != nil {
		t.Fatal(err)
	}
	said := []string{
		string(KindStatus), string(KindSessions), string(KindHistory), string(KindEvents), string(KindConfig), string(KindDrain), string(KindReload), string(KindKill), string(KindLogLevel), string(KindAllow), string(KindDeny),
		string(CodeFailed), string(CodeUnknown), string(CodeForbidden), string(CodeWrong), string(CodeNoSession), string(CodeBusy), string(CodeSlow), string(CodeEnding),
		string(EventWatching), string(EventBegun), string(EventProgress), string(EventEnded), string(EventGone), ReasonDrained, ReasonUpgraded, magic,
	}
	for _, item := range []any{Status{}, Session{}, Ended{}, Event{}, Chunk{}, Error{}} {
		said = append(said, keys(reflect.TypeOf(item))...)
	}
	for _, word := range said {
		if word == "" || !bytes.Contains(text, []byte("`"+word+"`")) {
			t.Errorf("it does not have `%s`", word)
		}
	}
	done, _ := AppendEnd(nil, 3)
	for _, wire := range [][]byte{frameOf(t, requests[1].Request), frameOf(t, requests[3].Request), done} {
		spelt := ""
		for i, b := range wire {
			if i == headerLen {
				spelt += " "
			}
			spelt += hex.EncodeToString([]byte{b}) + " "
		}
		if !bytes.Contains(text, []byte("    "+strings.TrimSpace(spelt)+"\n")) {
			t.Errorf("its example is not %s", spelt)
		}
	}
}

func frameOf(t *testing.T, r Request) []byte {
	t.Helper()
	b, err := r.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
