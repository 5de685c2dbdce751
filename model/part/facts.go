package part

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// Fact is one figure of a data file, with where it comes from and how sure it is.
type Fact struct {
	Name  string // what, as the file has it: "erase 128 KiB x32, typ"
	Value string
	Mark  string // C, C2, M, R, D or A
	From  string
}

// The confidence marks of facts.
var marks = []string{
	"C",  // read in a primary source
	"C2", // read in a transcription of one
	"M",  // measured by a third party
	"R",  // recalled and unverified
	"D",  // derived from others
	"A",  // an assumption
}

// Facts lists all facts of a part, a driver's family, a core, a board or a wear law that have a source,
// in the order of their type.
func Facts(of any) []Fact {
	var list []Fact
	eachFact(reflect.ValueOf(of), "", "", func(_ string, f Fact) error {
		list = append(list, f)
		return nil
	})
	return list
}

// Describe writes facts as a table: what, how much, confidence mark, source.
func Describe(w io.Writer, facts []Fact) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "fact\tvalue\tmark\tsource")
	for _, f := range facts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Name, f.Value, f.Mark, f.From)
	}
	return t.Flush()
}

// checkMarks finds confidence marks that do not exist.
func checkMarks(of any) error {
	return eachFact(reflect.ValueOf(of), "", "", func(key string, f Fact) error {
		if f.Mark != "" && !slices.Contains(marks, f.Mark) {
			return badKey(key+".mark", "%q is no confidence mark: use one of %s", f.Mark, strings.Join(marks, ", "))
		}
		return nil
	})
}

// fact is what has a source: its value in words.
type fact interface{ value() string }

// labelled is what facts stand in: which of several it is.
type labelled interface{ label() string }

// eachFact walks over what of holds. key is the way there in the file, name the way in words. Facts
// without mark and source, which a file left out, are passed over.
func eachFact(v reflect.Value, key, name string, tell func(key string, f Fact) error) error {
	v = reflect.Indirect(v)
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := eachFact(v.Index(i), fmt.Sprintf("%s[%d]", key, i), name, tell); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if f, ok := v.Interface().(fact); ok {
			s := v.FieldByName("Source").Interface().(Source)
			if s == (Source{}) {
				return nil
			}
			if l, ok := v.Interface().(labelled); ok {
				name = strings.TrimSpace(name + " " + l.label())
			}
			return tell(key, Fact{name, f.value(), s.Mark, s.From})
		}
		if l, ok := v.Interface().(labelled); ok {
			name = strings.TrimSpace(name+" "+l.label()) + ","
		}
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ",")
			if tag == "" {
				continue
			}
			path := tag
			if key != "" {
				path = key + "." + tag
			}
			if err := eachFact(v.Field(i), path, strings.TrimSpace(name+" "+strings.ReplaceAll(tag, "_", " ")), tell); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f CellFact) value() string  { return string(f.Rule) }
func (f ECCFact) value() string   { return f.Value }
func (f Count) value() string     { return fmt.Sprint(f.Value) }
func (f Bytes) value() string     { return size(f.Bytes) }
func (f Pattern) value() string   { return fmt.Sprintf("0x%08X", f.Value) }
func (f RowFact) value() string   { return fmt.Sprintf("%d for each %s", f.Value, size(f.Bytes)) }
func (f CacheFact) value() string { return fmt.Sprintf("%d lines of %d bytes", f.Lines, f.Bytes) }
func (f Share) value() string     { return fmt.Sprint(f.Share) }
func (f Erases) value() string    { return fmt.Sprint(f.Erases) }
func (f Duration) value() string  { return f.Time.String() }
func (f Cycles) value() string    { return fmt.Sprintf("%d cycles", f.Cycles) }
func (f PerByte) value() string   { return fmt.Sprintf("%v cycles/byte", f.Cycles) }

func (f Rate) value() string { return fmt.Sprintf("%v bytes/cycle", f.Bytes) }

func (f BoolFact) value() string {
	if f.Value {
		return "yes"
	}
	return "no"
}

func (b Bank) value() string {
	s := ""
	for _, run := range b.Sectors {
		s += fmt.Sprintf(" + %d x %s", run.Count, size(run.Bytes))
	}
	s = strings.TrimPrefix(s, " + ")
	if b.At > 0 {
		s += fmt.Sprintf(" from 0x%08X on", b.At)
	}
	return s
}

func (w WaitStates) value() string {
	if len(w.Hz) == 0 {
		return fmt.Sprintf("1 for each %s, up to %d", megahertz(w.HzPerState), w.Most)
	}
	s := ""
	for n, hz := range w.Hz {
		s += fmt.Sprintf(", %d up to %s", n, megahertz(hz))
	}
	return strings.TrimPrefix(s, ", ")
}

func (w WaitStates) label() string { return fmt.Sprintf("at %d to %d mV", w.MinMV, w.MaxMV) }

func (t ProgramTime) label() string {
	s := fmt.Sprintf("x%d", 8*t.Width)
	if t.Parallel > 0 {
		s += fmt.Sprintf(", x%d at once", 8*t.Parallel)
	}
	if t.MinMV > 0 {
		s += fmt.Sprintf(", from %d mV", t.MinMV)
	}
	return s
}

func (r Retention) value() string { return fmt.Sprintf("%g years", r.Years) }
func (r Retention) label() string { return fmt.Sprintf("at %d C after %d erases", r.Celsius, r.Erases) }
func (a Area) value() string      { return fmt.Sprintf("%d erases", a.Erases) }
func (a Area) label() string      { return "of any " + size(a.Bytes) + " of a bank" }

func (f Microamp) value() string { return fmt.Sprintf("%g mA", float64(f.UA)/1000) }
func (f PerMHz) value() string   { return fmt.Sprintf("%g µA/MHz", f.UA) }

func (c Current) label() string {
	if c.Width == 0 {
		return ""
	}
	return fmt.Sprintf("x%d", 8*c.Width)
}

func (t EraseTime) label() string { return fmt.Sprintf("%s x%d", size(t.Bytes), 8*t.Width) }

// size is a number of bytes as people write it.
func size(n uint32) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

func megahertz(hz uint64) string { return fmt.Sprintf("%g MHz", float64(hz)/1e6) }
