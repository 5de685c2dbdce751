package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dualbank/model/check"
	"dualbank/model/part"
	"dualbank/results"
)

type partsCommand struct {
	Name     string `arg:"" optional:"" help:"One of the list, or a .toml file: show its facts with their sources."`
	Template string `enum:",part,board" default:"" without:"name,check,all" placeholder:"KIND" help:"Print a data file of a part or a board to be changed, with every key explained: part or board."`
	All      bool   `without:"name,check" help:"List the parts too whose typical times are recalled or assumed and that no board has."`
	Check    bool   `help:"Run the model against everything that is known of it, arithmetic and measurements, and print the table."`
	jsonFlag
}

// Help says what becomes of a file, and what the exit codes mean.
func (c *partsCommand) Help() string {
	return "Without a name: all that come with the program. A .toml file of your own is read, checked, and tried with what it is for: a mistake in it is one line " +
		"and exit code 2. With --check the exit code is 1 if the model is off by more than it may be."
}

func (c *partsCommand) Run(t terminal) error {
	switch {
	case c.Template != "":
		text, err := part.Template(c.Template)
		if err != nil {
			return badInput(err)
		}
		_, err = t.out.Write(text)
		return err
	case c.Check:
		return c.check(t.out)
	case c.Name == "" && c.JSON:
		return listJSON(t.out)
	case c.Name == "":
		return listData(t.out, c.All)
	}
	f, err := dataFile(c.Name)
	if err != nil {
		return badInput(err)
	}
	if c.JSON {
		one := dataJSON{Kind: f.Kind, Name: f.Name, Title: f.Title, Hints: f.Hints}
		for _, x := range f.Facts {
			one.Facts = append(one.Facts, results.Source{Fact: x.Name, Value: x.Value, Mark: x.Mark, From: x.From})
		}
		return printJSON(t.out, partsJSON{Data: []dataJSON{one}})
	}
	fmt.Fprintf(t.out, "%s %s: %s\n\n", f.Kind, f.Name, f.Title)
	if err := part.Describe(t.out, f.Facts); err != nil {
		return err
	}
	for _, h := range f.Hints {
		warn(t.err, fmt.Sprintf("%s: will not work: %s", c.Name, h))
	}
	return nil
}

// kindsOfData lists the kinds of data that come with the program.
var kindsOfData = []struct {
	kind  string
	names func() []string
	find  func(name string) (title string, of any, err error)
}{
	{"part", part.Names, func(name string) (string, any, error) {
		p, err := part.ByName(name)
		if err != nil {
			return "", nil, err
		}
		return p.Title, p, nil
	}},
	{"board", part.BoardNames, func(name string) (string, any, error) {
		b, err := part.BoardByName(name)
		if err != nil {
			return "", nil, err
		}
		return fmt.Sprintf("%s, %s at %g MHz, driver %s, layout %s", b.Title, b.PartName, float64(b.Clock.Hz)/1e6, b.DriverName, b.Layout), b, nil
	}},
	{"driver", part.DriverNames, func(name string) (string, any, error) {
		d, err := part.DriverByName(name)
		if err != nil {
			return "", nil, err
		}
		return d.Title, d, nil
	}},
	{"serial NOR", part.NORNames, func(name string) (string, any, error) {
		p, err := part.NORByName(name)
		if err != nil {
			return "", nil, err
		}
		return p.Title, p, nil
	}},
	{"core", part.CoreNames, func(name string) (string, any, error) {
		c, err := part.CoreByName(name)
		if err != nil {
			return "", nil, err
		}
		return c.Title, c, nil
	}},
	{"wear law", part.WearLawNames, func(name string) (string, any, error) {
		l, err := part.WearLawByName(name)
		if err != nil {
			return "", nil, err
		}
		return l.Title, l, nil
	}},
}

func plural(kind string) string {
	if kind == "serial NOR" {
		return "serial NOR, beside the microcontroller"
	}
	return kind + "s"
}

// listData writes a line for each of all that come with the program; of parts that are not known well enough
// only those that a board has, unless all are asked for.
func listData(w io.Writer, all bool) error {
	boards := map[string]bool{}
	for _, name := range part.BoardNames() {
		b, err := part.BoardByName(name)
		if err != nil {
			return err
		}
		boards[b.PartName] = true
	}
	hidden := 0
	for i, k := range kindsOfData {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\n", plural(k.kind))
		for _, name := range k.names() {
			title, of, err := k.find(name)
			if err != nil {
				return err
			}
			if p, ok := of.(*part.Part); ok {
				known := p.Knowledge()
				if known == part.TimesUnsure && !all && !boards[name] {
					hidden++
					continue
				}
				if known != part.Known {
					title += " (" + known.String() + ")"
				}
			}
			fmt.Fprintf(w, "  %-20s %s\n", name, title)
		}
		if k.kind == "part" && hidden > 0 {
			fmt.Fprintf(w, "  %d more with recalled or assumed times: dualbank parts --all\n", hidden)
		}
	}
	return nil
}

// listJSON prints all that come with the program, for another program.
func listJSON(w io.Writer) error {
	out := partsJSON{Data: []dataJSON{}}
	for _, k := range kindsOfData {
		for _, name := range k.names() {
			title, _, err := k.find(name)
			if err != nil {
				return err
			}
			out.Data = append(out.Data, dataJSON{Kind: k.kind, Name: name, Title: title})
		}
	}
	return printJSON(w, out)
}

// checksJSON are the rows of the table of checks, for another program.
func checksJSON(rows []check.Row) partsJSON {
	out := partsJSON{Data: []dataJSON{}}
	known := func(v float64) *float64 {
		if math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	for i := range rows {
		r := &rows[i]
		out.Checks = append(out.Checks, checkJSON{r.Name, r.Part, r.Unit, r.Model, known(r.Low), known(r.High), r.Tolerance, r.OK(), r.Mark, r.From, r.Note})
	}
	return out
}

// dataFile returns the program's data of that name, or the user's own file.
func dataFile(name string) (*check.File, error) {
	if strings.HasSuffix(name, ".toml") {
		return check.ReadFile(name)
	}
	name = strings.ToLower(name)
	for _, k := range kindsOfData {
		// A part may be covered by another one's file and so be on no list.
		if k.kind != "part" && !slices.Contains(k.names(), name) {
			continue
		}
		if title, of, err := k.find(name); err == nil {
			return &check.File{Kind: k.kind, Name: name, Title: title, Facts: part.Facts(of)}, nil
		}
	}
	return nil, fmt.Errorf("%q is on no list of `dualbank parts`: choose one, or name a .toml file of your own", name)
}

// check prints the table of checks, of all parts or of the one that is named.
func (c *partsCommand) check(w io.Writer) error {
	rows, err := check.All()
	if err != nil {
		return err
	}
	if c.Name != "" {
		name := strings.ToLower(c.Name)
		if _, err := part.ByName(name); err != nil {
			return badInput(err)
		}
		rows = slices.DeleteFunc(rows, func(r check.Row) bool { return r.Part != name })
		if len(rows) == 0 {
			return badInput(fmt.Errorf("nothing is known of part %s to check the model against: `dualbank parts --check` has all there is", name))
		}
	}
	if c.JSON {
		err = printJSON(w, checksJSON(rows))
	} else {
		err = check.Describe(w, rows)
	}
	if err != nil {
		return err
	}
	failed := 0
	for i := range rows {
		if !rows[i].OK() {
			failed++
		}
	}
	if !c.JSON {
		fmt.Fprintf(w, "\n%d checks, %d within their tolerance or inside their bound\n", len(rows), len(rows)-failed)
	}
	if failed > 0 {
		return failure{errors.New("the model is off by more than it may be: see (!) in the table"), exitGate}
	}
	return nil
}
