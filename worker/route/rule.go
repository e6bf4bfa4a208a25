package route

import "brood/worker"

// Default is the name of the handler that gets what no rule hands to another.
const Default = "default"

// A Rule says what some requests come to. Its conditions are Match and Not; a
// rule without any applies to every request. The rest is what it does, in the
// order of the fields. doc.go has all of it with examples.
type Rule struct {
	// Name is what logs, errors and explanations call the rule, besides its number.
	Name string `yaml:"name"`

	// Match must hold, each of its conditions, for the rule to apply.
	Match Match `yaml:"match"`
	// Not are conditions of which none may hold.
	Not Match `yaml:"not"`
	// IgnoreCase is for file and regexp of Match and Not: A to Z are a to z. In a
	// regexp it is the flag i.
	IgnoreCase bool `yaml:"ignore-case"`

	// Rewrite is a template for a new name in place of the whole one.
	Rewrite string `yaml:"rewrite"`
	// Replace puts a template in place of what the rule's regexp matched.
	Replace *Replace `yaml:"replace"`
	// BackslashToSlash makes each \ of the name a /, after Rewrite or Replace.
	BackslashToSlash bool `yaml:"backslash-to-slash"`
	// FoldCase is "lower" or "upper": what the letters A to Z of the name become,
	// after Rewrite or Replace.
	FoldCase Fold `yaml:"fold-case"`

	// Quirks are added to those of the rules before (worker.Quirks.And).
	Quirks worker.Quirks `yaml:"quirks"`

	// Then says where to go on: "end", nowhere; "continue", with the next rule;
	// "restart", with the first. Empty means end. A rule that goes on has none of
	// the fields below.
	Then Then `yaml:"then"`

	// Error ends the request with an ERROR packet.
	Error *Refusal `yaml:"error"`
	// Deny ends it with ERROR 2, "Access violation".
	Deny bool `yaml:"deny"`

	// TryFiles are templates of names. They are opened one after the other until
	// one exists. Empty means the name as it is by then.
	TryFiles []string `yaml:"try-files"`
	// Handler opens the file. Empty means "default".
	Handler string `yaml:"handler"`
}

// Match is conditions. Each is a list, of which one entry must match; an empty
// list is no condition.
type Match struct {
	// File are globs for the whole name: * is any text without a /, ** any text, ?
	// one character but /, [a-z] and [^a-z] one of a set but /, \ takes the next
	// character as it stands.
	File []string `yaml:"file"`
	// Regexp are regular expressions (RE2, as of Go) that match any part of the
	// name. The groups of the first that matches are variables from then on.
	Regexp []string `yaml:"regexp"`
	// Client are addresses or prefixes of the client's address: 192.0.2.7,
	// 10.0.0.0/8, 2001:db8::/32. 0.0.0.0/0 is IPv4, ::/0 IPv6.
	Client []string `yaml:"client"`
	// Local are the same for the address that the client asked.
	Local []string `yaml:"local"`
	// MAC are hardware addresses or their first octets, in any notation: that of
	// the group "mac" of a regexp, else the neighbour table's.
	MAC []string `yaml:"mac"`
	// Option are options that the client asks for: a name, or name=value.
	Option []string `yaml:"option"`
}

// Replace is a substitution in the name.
type Replace struct {
	// With is the template that takes the match's place. Empty takes it out.
	With string `yaml:"with"`
	// Times is "once", the first match; "each", every match from left to right;
	// or "until-gone", the first match again and again while there is one, which
	// is the g of tftp-hpa. Empty means once.
	Times Times `yaml:"times"`
}

// Then is where matching goes on when a rule applies.
type Then string

// Fold is a case of letters.
type Fold string

// Times is how often a replacement is made.
type Times string

// Words are the values of a Then; those of a file's key, to who makes a schema.
func (Then) Words() []string { return []string{"end", "continue", "restart"} }

// Words are the values of a Fold.
func (Fold) Words() []string { return []string{"lower", "upper"} }

// Words are the values of a Times.
func (Times) Words() []string { return []string{"once", "each", "until-gone"} }

// Refusal is an ERROR packet (RFC 1350 §5).
type Refusal struct {
	// Code is 0 to 8. Zero is "undefined", which leaves all to the message.
	Code int `yaml:"code"`
	// Message is a template for the text that the client gets. Empty means none.
	Message string `yaml:"message"`
}
