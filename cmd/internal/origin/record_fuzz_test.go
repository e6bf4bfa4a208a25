package origin

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever stands in a record, it is of a file that lies there and is no longer than
// it says, or it is gone; and what is not the cache's is left alone.
func FuzzRecord(f *testing.F) {
	const base, path = "http://a.example/", "f"
	id := idOf(base, path)
	for _, text := range []string{
		`{"Base":"http://a.example/","Path":"f","File":"` + id + `.1","Size":4,"Whole":true}`,
		`{"Base":"http://a.example/","Path":"f","File":"` + id + `.1","Size":-1}`,
		`{"Base":"http://a.example/","Path":"f","File":"` + id + `.1","Size":3,"Whole":true}`,
		`{"Base":"http://a.example/","Path":"f","File":"../secret","Size":6}`,
		`{"Base":"http://a.example/","Path":"f","File":"` + id + `.json","Size":-1}`,
		`{"Base":"http://a.example/","Path":"g","File":"` + id + `.1","Size":4}`, `{}`, ``, `[]`, `null`, `{"Size":1e99}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		top := t.TempDir()
		dir := filepath.Join(top, "cache")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"../secret": []byte("secret"), "not ours": nil, id + ".1": []byte("text"), id + recordSuffix: text} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		records, _, err := readRecords(dir)
		if err != nil {
			t.Fatal(err)
		}
		for is, r := range records {
			info, err := os.Stat(filepath.Join(dir, r.File))
			if is != id || idOf(r.Base, r.Path) != id || r.File != id+".1" || err != nil || r.Size >= 0 && info.Size() > r.Size || r.Whole && info.Size() != r.Size {
				t.Fatalf("%q: %+v, %v", text, r, err)
			}
		}
		for name, want := range map[string]bool{"../secret": true, "not ours": true, id + ".1": len(records) > 0, id + recordSuffix: len(records) > 0} {
			if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
				t.Fatalf("%q: %s is there: %v, want %v", text, name, err == nil, want)
			}
		}
	})
}
