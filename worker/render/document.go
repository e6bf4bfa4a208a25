package render

import (
	"errors"
	"fmt"
	"strings"

	"brood/worker/render/inventory"
)

// A document is a Document that has been read.
type document struct {
	Document
	pattern *pattern
}

func newDocument(d Document, o *Options) (doc *document, err error) {
	doc = &document{Document: d}
	switch {
	case d.Regexp == "":
		doc.pattern, err = parsePattern(d.File)
	case d.File == "":
		doc.pattern = &pattern{expr: d.Regexp}
	default:
		err = fmt.Errorf("both file %q and regexp %q: want one", d.File, d.Regexp)
	}
	switch {
	case err != nil:
	case d.Template == "":
		err = errors.New("no template: name one of the directory")
	case d.By != "" && d.By != byClient && !inventory.By(d.By).Known():
		err = fmt.Errorf("by %q: want mac, ip, uuid, serial, name or client", d.By)
	case d.By == "":
		err = doc.oneKey()
	}
	if doc.Unknown == "" {
		doc.Unknown = o.Unknown
	}
	return doc, err
}

// oneKey sees to it that the pattern says what a machine is looked up by.
func (d *document) oneKey() error {
	var found []string
	for _, by := range inventory.Keys {
		if strings.Contains(d.pattern.expr, "<"+string(by)+">") {
			found = append(found, string(by))
		}
	}
	if len(found) > 1 {
		return fmt.Errorf("the name holds %s: say with by which of them the machine is looked up by", strings.Join(found, " and "))
	}
	return nil
}
