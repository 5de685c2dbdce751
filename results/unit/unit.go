// Package unit prints quantities the way reports and messages show them: durations, counts, sizes, shares,
// addresses, metrics with their unit.
//
// Every text that a person reads goes through it in these steps:
//
//  1. A caller in bench, results or a command has a number in base units: seconds, bytes, a share of one, a
//     count, years.
//  2. The function of that quantity (Duration, Size, Percent, Count, Years) chooses the unit by magnitude.
//  3. Digits prints the number with a fixed number of significant digits and groups the digits before the
//     point by commas. It never uses an exponent.
//  4. The result is a short text such as "2.36 ms", "400 KiB", "12.5 %" or "26,843 erases".
//
// Measure does the same for a metric of bench.txt, whose unit is part of its name ("sim-sec/op").
//
// Invariants:
//
//   - Rounding carries into the next unit: 0.9999 ms is "1.00 ms", 3599.6 s is "1 h 00 min".
//   - Digits before the point are never rounded away; zeros at the end of a fraction stay unless the value
//     is exact.
//   - The functions are pure. They depend on no locale, clock or setting.
package unit

import (
	"math"
	"strconv"
	"strings"
)

// Duration prints seconds in the unit that fits, with three significant digits: "250 µs",
// "2.36 ms", "47.1 s", "2 min 22 s", "3 h 05 min", "41.2 d", "10.4 years".
func Duration(s float64) string {
	const day = 24 * 3600
	switch v := math.Abs(s); {
	case v == 0:
		return "0 s"
	case v < 0.9995e-6:
		return Digits(s*1e9, 3) + " ns"
	case v < 0.9995e-3:
		return Digits(s*1e6, 3) + " µs"
	case v < 0.9995:
		return Digits(s*1e3, 3) + " ms"
	case v < 119.5:
		return Digits(s, 3) + " s"
	case v < 3600-0.5:
		n := int64(math.Round(s))
		return strconv.FormatInt(n/60, 10) + " min " + two(n%60) + " s"
	case v < 2*day-30:
		n := int64(math.Round(s / 60))
		return strconv.FormatInt(n/60, 10) + " h " + two(n%60) + " min"
	case v < 2*365.25*day:
		return Digits(s/day, 3) + " d"
	default:
		return Digits(s/(365.25*day), 3) + " years"
	}
}

// Energy prints joules in the unit that fits, with three significant digits: "9.9 mJ", "5.85 µJ".
func Energy(j float64) string {
	switch v := math.Abs(j); {
	case v == 0:
		return "0 J"
	case v < 0.9995e-6:
		return Digits(j*1e9, 3) + " nJ"
	case v < 0.9995e-3:
		return Digits(j*1e6, 3) + " µJ"
	case v < 0.9995:
		return Digits(j*1e3, 3) + " mJ"
	}
	return Digits(j, 3) + " J"
}

func two(n int64) string {
	if n < 0 {
		n = -n
	}
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// Digits prints v with n significant digits, without an exponent. All digits before the point are printed.
// Zeros at the end of a fraction are dropped if v is exact without them: 6 is "6", 5.9984 is "6.00".
func Digits(v float64, n int) string {
	if v == 0 {
		return "0"
	}
	prec := n - 1 - int(math.Floor(math.Log10(math.Abs(v))))
	// Rounding may carry into one digit more: 9.999 with three digits is 10.0, not 10.00.
	if r := math.Pow(10, float64(prec)); prec > 0 && math.Abs(math.Round(v*r)/r) >= math.Pow(10, float64(n-prec)) {
		prec--
	}
	out := strconv.FormatFloat(v, 'f', max(prec, 0), 64)
	if strings.Contains(out, ".") {
		short := strings.TrimRight(strings.TrimRight(out, "0"), ".")
		if got, err := strconv.ParseFloat(short, 64); err == nil && math.Abs(got-v) <= 1e-9*math.Abs(v) {
			out = short
		}
	}
	whole, frac, _ := strings.Cut(out, ".")
	if frac != "" {
		frac = "." + frac
	}
	return Grouped(whole) + frac
}

// Grouped puts a comma before every three digits of a whole number: "12,345".
func Grouped(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Count prints a whole number: "12,345".
func Count[T uint32 | uint64 | int](n T) string {
	if n < 0 {
		return "-" + Grouped(strconv.FormatUint(uint64(-n), 10))
	}
	return Grouped(strconv.FormatUint(uint64(n), 10))
}

// Ordinal is the word for the nth: "every 122nd step", and for the first "single", as in "every single step".
func Ordinal(n uint64) string {
	suffix := "th"
	switch tens := n / 10 % 10; {
	case n == 1:
		return "single"
	case tens == 1:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return strconv.FormatUint(n, 10) + suffix
}

// Plural prints n with its noun, "1 erase" or "12 erases".
func Plural[T uint32 | uint64 | int](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Size prints bytes: "512 B", "400 KiB", "1.5 MiB".
func Size(n float64) string {
	switch v := math.Abs(n); {
	case v < 1024:
		return Digits(n, 4) + " B"
	case v < 1<<20:
		return Digits(n/1024, 4) + " KiB"
	default:
		return Digits(n/(1<<20), 4) + " MiB"
	}
}

// Percent prints a share of one: "0.31 %", "98.7 %".
func Percent(share float64) string {
	if share > 0 && share < 0.0001 {
		return "< 0.01 %"
	}
	if share < 1 && share > 0.9999 {
		return "> 99.99 %"
	}
	return Digits(share*100, 3) + " %"
}

// Address prints an address as reference manuals do: "0x08100000".
func Address(a uint32) string {
	s := strings.ToUpper(strconv.FormatUint(uint64(a), 16))
	return "0x" + strings.Repeat("0", 8-len(s)) + s
}

// Measure prints the value of a metric by its unit ("sim-sec/op", "B/op"): times and bytes with their own
// unit, all others as a number.
func Measure(v float64, unit string) string {
	num, _, _ := strings.Cut(unit, "/")
	for _, part := range strings.Split(num, "-") {
		switch part {
		case "sec":
			return Duration(v)
		case "ns":
			return Duration(v / 1e9)
		case "B", "bytes":
			return Size(v)
		case "J":
			return Energy(v)
		}
	}
	return Digits(v, 4)
}

// OrNever prints a duration, and "never" for 0.
func OrNever(seconds float64) string {
	if seconds == 0 {
		return "never"
	}
	return Duration(seconds)
}

// Years prints a number of years: "15.6 years".
func Years(years float64) string {
	if years >= 1000 {
		return "over 1,000 years"
	}
	return Digits(years, 3) + " years"
}

// Finite reports whether v is a number.
func Finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
