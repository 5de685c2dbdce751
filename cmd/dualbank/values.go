package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"dualbank/bench"
)

// How flags are read. Every number has a range, in the tag `range:"LEAST..MOST"` of its flag, which help shows and the
// mapper checks. A flag that has no effect without others has the tag `needs:"OTHER,..."`, one that has none beside
// others the tag `without:"OTHER,..."`; the names are those of flags and arguments. checkUse refuses what does nothing.

// values are kong's options for flags of this program.
func values() []kong.Option {
	number := kong.MapperFunc(readNumber)
	options := []kong.Option{
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(readTime)),
		kong.KindMapper(reflect.String, kong.MapperFunc(readText)),
		kong.NamedMapper("bytes", kong.MapperFunc(readSize)),
		kong.ValueFormatter(helpOf),
	}
	for _, kind := range []reflect.Kind{reflect.Int, reflect.Uint32, reflect.Uint64, reflect.Float64} {
		options = append(options, kong.KindMapper(kind, number))
	}
	return options
}

// helpOf is the help of a flag or argument, with its range.
func helpOf(v *kong.Value) string {
	help := v.Help
	if least, most, ok := strings.Cut(v.Tag.Get("range"), ".."); ok {
		help += fmt.Sprintf(" %s to %s.", least, most)
	}
	return help
}

// word takes the text of a flag or argument. A text that begins with a hyphen is a flag, unless it is a number.
func word(ctx *kong.DecodeContext) (string, error) {
	t := ctx.Scan.Pop()
	text, ok := t.Value.(string)
	if t.IsEOL() || !ok {
		return "", errors.New("has no value: give " + wanted(ctx.Value))
	}
	if t.Type == kong.UntypedToken && strings.HasPrefix(text, "-") && text != "-" && !strings.ContainsRune("0123456789.", rune(text[1])) {
		return "", fmt.Errorf("has no value but the flag %s behind it: give %s", text, wanted(ctx.Value))
	}
	return text, nil
}

// wanted says in words what a flag or argument takes.
func wanted(v *kong.Value) string {
	least, most, ranged := strings.Cut(v.Tag.Get("range"), "..")
	kind := v.Target.Kind()
	if kind == reflect.Pointer {
		kind = v.Target.Type().Elem().Kind()
	}
	switch {
	case v.Tag.Type == "bytes":
		return fmt.Sprintf("bytes from %s to %s, such as 600, 64K, 64KiB or 0x20000", least, most)
	case !ranged && v.Enum != "":
		return "one of " + strings.ReplaceAll(strings.Trim(v.Enum, ","), ",", ", ")
	case !ranged:
		return strings.ToUpper(placeholder(v))
	case kind == reflect.Int64:
		return fmt.Sprintf("a time from %s to %s", least, most)
	case kind == reflect.Float64:
		return fmt.Sprintf("a number from %s to %s", least, most)
	}
	return fmt.Sprintf("a whole number from %s to %s", least, most)
}

// placeholder is the word for a value in help.
func placeholder(v *kong.Value) string {
	if v.Tag.PlaceHolder != "" {
		return v.Tag.PlaceHolder
	}
	return v.Name
}

func readText(ctx *kong.DecodeContext, to reflect.Value) error {
	text, err := word(ctx)
	if err == nil {
		to.SetString(text)
	}
	return err
}

// readNumber reads a number of any kind, and checks its range.
func readNumber(ctx *kong.DecodeContext, to reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	least, most, ok := strings.Cut(ctx.Value.Tag.Get("range"), "..")
	if !ok {
		return fmt.Errorf("the flag has no range") // a mistake of ours: a test looks at all flags
	}
	bad := fmt.Errorf("%q: give %s", text, wanted(ctx.Value))
	if to.Kind() == reflect.Float64 {
		v, err := strconv.ParseFloat(text, 64)
		lo, _ := strconv.ParseFloat(least, 64)
		hi, _ := strconv.ParseFloat(most, 64)
		if err != nil || !(v >= lo && v <= hi) {
			return bad
		}
		to.SetFloat(v)
		return nil
	}
	// No number of ours is beyond 63 bits.
	v, err := strconv.ParseInt(text, 0, 64)
	lo, _ := strconv.ParseInt(least, 0, 64)
	hi, _ := strconv.ParseInt(most, 0, 64)
	if err != nil || v < lo || v > hi {
		return bad
	}
	if to.CanUint() {
		to.SetUint(uint64(v))
	} else {
		to.SetInt(v)
	}
	return nil
}

func readTime(ctx *kong.DecodeContext, to reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	least, most, _ := strings.Cut(ctx.Value.Tag.Get("range"), "..")
	v, err := time.ParseDuration(text)
	lo, _ := time.ParseDuration(least)
	hi, _ := time.ParseDuration(most)
	if err != nil || v < lo || v > hi {
		return fmt.Errorf("%q: give %s", text, wanted(ctx.Value))
	}
	to.SetInt(int64(v))
	return nil
}

// readSize reads a size, or a list of sizes.
func readSize(ctx *kong.DecodeContext, to reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	least, most, _ := strings.Cut(ctx.Value.Tag.Get("range"), "..")
	lo, _ := bench.ParseSize(least)
	hi, _ := bench.ParseSize(most)
	list := []string{text}
	if to.Kind() == reflect.Slice {
		list = strings.Split(text, ",")
	}
	for _, one := range list {
		v, err := bench.ParseSize(one)
		if err != nil || v < lo || v > hi {
			return fmt.Errorf("%q: give %s", one, wanted(ctx.Value))
		}
		if to.Kind() != reflect.Slice {
			to.SetUint(uint64(v))
			continue
		}
		to.Set(reflect.Append(to, reflect.ValueOf(v)))
	}
	return nil
}

// checkUse refuses a flag that has no effect beside the others, or without them.
func checkUse(call *kong.Context) error {
	given := map[string]bool{}
	var flags []*kong.Flag
	for _, p := range call.Path {
		switch {
		case p.Flag != nil:
			given[p.Flag.Name] = true
			flags = append(flags, p.Flag)
		case p.Positional != nil:
			given[p.Positional.Name] = true
		}
	}
	names := written(call)
	for _, f := range flags {
		for name := range strings.SplitSeq(f.Tag.Get("without"), ",") {
			if given[name] && names[name] != "" {
				return fmt.Errorf("--%s: has no effect beside %s: leave one of them out", f.Name, names[name])
			}
		}
	}
	for _, f := range flags {
		var lacking []string
		for name := range strings.SplitSeq(f.Tag.Get("needs"), ",") {
			if names[name] != "" {
				lacking = append(lacking, names[name])
			}
			if given[name] {
				lacking = nil
				break
			}
		}
		if len(lacking) > 0 {
			return fmt.Errorf("--%s: has no effect without %s: add it, or leave --%s out", f.Name, strings.Join(lacking, " or "), f.Name)
		}
	}
	return nil
}

// written returns the flags and arguments of the command by their names, as they are written.
func written(call *kong.Context) map[string]string {
	names := map[string]string{}
	for _, group := range call.Selected().AllFlags(true) {
		for _, f := range group {
			names[f.Name] = "--" + f.Name
		}
	}
	for _, p := range call.Selected().Positional {
		names[p.Name] = "<" + p.Name + ">"
	}
	return names
}

// kongSays are messages of kong's that need other words.
var kongSays = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`^expected "(.*)"$`), `missing $1`},
	{regexp.MustCompile(`^expected one of (.*)$`), `missing command: give one of $1`},
	{regexp.MustCompile(`^unexpected argument ([^\s,]+)`), `unexpected argument "$1"`},
	{regexp.MustCompile(`: (?:expected \w+ value but got .*|missing value)$`), `: has no value: give one`},
	{regexp.MustCompile(` must be one of (?:"",)?(.*) but got (".*")$`), `: $2 is unknown: give one of $1`},
}

// plainly says an error of kong's in the words of this program.
func plainly(err error) string {
	text := err.Error()
	for _, k := range kongSays {
		text = k.from.ReplaceAllString(text, k.to)
	}
	if what, names, ok := strings.Cut(text, ": give one of "); ok {
		text = what + ": give one of " + strings.NewReplacer(`"`, "", ",", ", ", ",  ", ", ").Replace(names)
	}
	return text
}
