package results

// Duration, Count, Size and Percent spell quantities as reports do, for the texts of facts and findings that
// stand beside them.

// Duration is seconds as a person would say them: "2.36 ms", "2 min 22 s", "10.4 years".
func Duration(seconds float64) string { return duration(seconds) }

// Years is a number of years: "15.6 years".
func Years(years float64) string { return lifetime(years) }

// Count is a whole number with its digits grouped: "12,345".
func Count[T uint32 | uint64 | int](n T) string { return count(n) }

// Size is a number of bytes: "400 KiB".
func Size(bytes float64) string { return size(bytes) }

// Percent is a share of one: "12.5 %".
func Percent(share float64) string { return percent(share) }
