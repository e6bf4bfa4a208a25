package config

import _ "embed"

// Help explains the flags.
//
//go:embed help.txt
var Help string
