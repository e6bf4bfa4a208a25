package render

// Options of a Handler.
type Options struct {
	// Templates is the directory of the templates; nothing outside it is read.
	// Required.
	Templates string `yaml:"templates"`

	// Inventory is a file, or a directory of files, that says what is known of the
	// machines. It is read when the configuration is compiled: the Handler has the
	// table that comes of it. Empty means that every document is the same for all.
	Inventory string `yaml:"inventory"`

	// Documents say which template makes which file; the first that matches does.
	// With none, a requested name is the template's own path (see the package's
	// documentation), which is for a route in front that decides.
	Documents []Document `yaml:"documents"`

	// Unknown is the template for machines that the inventory has not, for
	// documents that name none of their own. Empty means ERROR 1, file not found:
	// boot loaders then ask for their next name.
	Unknown string `yaml:"unknown"`

	// Vars are variables for all documents, also those of unknown machines. What the
	// inventory says is laid over them, as over its defaults; but a null there takes
	// away what the inventory has set, and not these.
	Vars map[string]any `yaml:"vars"`

	// MaxSize is how many bytes a document, and each template, may have. Zero
	// means 4 MiB.
	MaxSize int `yaml:"max-size"`
}

const defaultMaxSize = 4 << 20

// A Document is a kind of file that clients ask for.
type Document struct {
	// File is the pattern of its names: pxelinux.cfg/01-{mac}. {x} is text without
	// a /, one byte at least, that the template knows as .match.x; * is any text
	// without a /, ** any text; nothing else is special. {mac}, {ip}, {uuid}, {serial} and {name} are what
	// the machine is looked up by, and the first three match only what is one.
	File string `yaml:"file"`
	// Regexp is a regular expression (RE2, as of Go) in place of File, for the
	// whole name, with named groups: (?i)pxelinux\.cfg/01-(?P<mac>[^/]+).
	Regexp string `yaml:"regexp"`
	// Template is the path of its template in the directory. Required.
	Template string `yaml:"template"`
	// By is what the machine is looked up by: mac, ip, uuid, serial or name, if
	// the pattern holds more than one of them; or client, which is the MAC that
	// the neighbour table has for the client, and then its address. Empty means
	// the one in the pattern, and without any the client.
	By string `yaml:"by"`
	// Unknown is the template for machines that the inventory has not. Empty means
	// that of Options.
	Unknown string `yaml:"unknown"`
}
