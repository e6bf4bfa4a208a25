package origin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// record is what lies beside a file of the cache.
type record struct {
	Base, Path string // of what it is a copy
	File       string // its name in the cache
	Size       int64  // -1: not known, and not whole
	Whole      bool
	SHA256     string `json:",omitempty"` // in hexadecimal; of a whole one
	Version    version
	Validated  time.Time // when the origin last said that this is the one
}

const recordSuffix = ".json"

// idOf names a file of the cache: whatever a name holds, this is a name that any
// file system takes.
func idOf(base, path string) string {
	sum := sha256.Sum256([]byte(base + "\n" + path))
	return hex.EncodeToString(sum[:16])
}

// save replaces the record of id as a whole.
func (r *record) save(dir, id string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, id+recordSuffix)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		os.Remove(name + ".new")
		return err
	}
	return os.Rename(name+".new", name)
}

// readRecords returns the records of a directory by their ids, and when each was
// last used. What else lies there, and is a file of the cache's, is removed.
func readRecords(dir string) (map[string]*record, map[string]time.Time, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	records, used, files := make(map[string]*record), make(map[string]time.Time), make(map[string]bool)
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), recordSuffix)
		if !ok {
			continue
		}
		r := new(record)
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || json.Unmarshal(b, r) != nil || idOf(r.Base, r.Path) != id || !r.fits(dir) {
			continue
		}
		records[id], files[e.Name()], files[r.File] = r, true, true
		if info, err := e.Info(); err == nil {
			used[id] = info.ModTime()
		}
	}
	for _, e := range entries {
		if ours(e.Name()) && !files[e.Name()] {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	return records, used, nil
}

// fits says whether there is a file that the record can be of.
func (r *record) fits(dir string) bool {
	if !ours(r.File) || strings.HasSuffix(r.File, recordSuffix) {
		return false
	}
	info, err := os.Lstat(filepath.Join(dir, r.File))
	return err == nil && info.Mode().IsRegular() &&
		(r.Whole && info.Size() == r.Size || !r.Whole && (r.Size < 0 || info.Size() <= r.Size))
}

// ours says whether a name is one that the cache gives: an id, and what follows.
func ours(name string) bool {
	id, _, ok := strings.Cut(name, ".")
	_, err := hex.DecodeString(id)
	return ok && err == nil && len(id) == 32
}
