// Package named gives the bits of a set their names, in texts and configuration files.
//
//  1. A package declares a type of set, a constant for each bit from 1 on, and a slice of names in their order.
//  2. Each yields the bits, String writes their names, and Parse reads them. Cases yields what a benchmark compares.
package named

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// Each yields the bits of s one by one, lowest first, each as a set of its own.
func Each[S ~uint64](s S) iter.Seq[S] {
	return func(yield func(S) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(s & -s) {
				return
			}
		}
	}
}

// Cases yields the sets that are compared to tell what each bit of all costs, each with its name: "none", the bits one by
// one, and "all".
func Cases[S interface {
	~uint64
	fmt.Stringer
}](all S) iter.Seq2[string, S] {
	return func(yield func(string, S) bool) {
		if !yield("none", 0) {
			return
		}
		for one := range Each(all) {
			if !yield(one.String(), one) {
				return
			}
		}
		yield("all", all)
	}
}

// String lists the names of the bits of s, separated by commas; "" if there is none.
func String[S ~uint64](s S, names []string) string {
	var all []string
	for one := range Each(s) {
		if i := bits.TrailingZeros64(uint64(one)); i < len(names) {
			all = append(all, names[i])
		} else {
			all = append(all, fmt.Sprintf("1<<%d", i))
		}
	}
	return strings.Join(all, ",")
}

// Parse reads what String writes; "all" is every bit that has a name. what is what a bit is called in the error, which
// lists the names.
func Parse[S ~uint64](what, text string, names []string) (s S, err error) {
	switch text {
	case "":
		return 0, nil
	case "all":
		return 1<<len(names) - 1, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		i := slices.Index(names, name)
		if i < 0 {
			return 0, fmt.Errorf("%s %q is unknown: use all or some of %s", what, name, strings.Join(names, ","))
		}
		s |= 1 << i
	}
	return s, nil
}
