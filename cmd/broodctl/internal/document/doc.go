// Package document reads a configuration file: YAML, strictly. Every key must be
// known and every value of its kind, and all that is wrong is said at once, each
// with its line and column, what was wanted, and the key that was probably meant.
//
// The YAML library (go.yaml.in/yaml, the YAML organisation's own successor of
// gopkg.in/yaml, which is not kept up any more) makes a tree with positions of the
// text; what the tree means for our types is decided here, because no library says
// all faults at once with columns and wants.
package document
