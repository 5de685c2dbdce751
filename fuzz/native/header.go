package native

import _ "embed"

// Header is the text of dualbank.h, which code under test includes.
//
//go:embed include/dualbank.h
var Header []byte
