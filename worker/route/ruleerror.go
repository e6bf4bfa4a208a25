package route

import "fmt"

// RuleError says what is wrong with one field of one rule. Compile returns all
// that there are, joined (errors.Join).
type RuleError struct {
	Rule  int    // its number, from 1
	Name  string // its name, if it has one
	Field string // as in YAML, with the place in a list from 0: replace.with, match.client.0
	Err   error  // what there is, and what was expected
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("%s: %s: %v", title(e.Rule, e.Name), e.Field, e.Err)
}

func (e *RuleError) Unwrap() error { return e.Err }

// title is what a rule is called in messages.
func title(number int, name string) string {
	if name == "" {
		return fmt.Sprintf("rule %d", number)
	}
	return fmt.Sprintf("rule %d %q", number, name)
}
