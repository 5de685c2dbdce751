package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"dualbank"
)

// Completion and manual page are made from the tree of commands that the parser has.

type versionCommand struct{ jsonFlag }

func (c *versionCommand) Run(t terminal) error {
	if c.JSON {
		return printJSON(t.out, versionJSON{dualbank.Version(), dualbank.Digest()})
	}
	_, err := fmt.Fprintln(t.out, dualbank.Version())
	return err
}

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"A command."`
}

func (c *helpCommand) Run(call *kong.Context) error {
	_, err := call.Kong.Parse(append(c.Command, "--help")) // prints the help and does not return
	return badInput(fmt.Errorf("%s: `dualbank --help` lists what there is", plainly(err)))
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"${enum}."`
}

// Help says where the text goes.
func (c *completionCommand) Help() string {
	return "For this session: source <(dualbank completion bash), source <(dualbank completion zsh), or dualbank completion fish | source."
}

func (c *completionCommand) Run(t terminal, call *kong.Context) error {
	var b bytes.Buffer
	map[string]func(io.Writer, *kong.Application){"bash": bash, "zsh": zsh, "fish": fish}[c.Shell](&b, call.Model)
	_, err := t.out.Write(b.Bytes())
	return err
}

type manCommand struct{}

// Help says how to read it.
func (manCommand) Help() string { return "To read it: dualbank man | man -l -" }

func (manCommand) Run(t terminal, call *kong.Context) error {
	var b bytes.Buffer
	manual(&b, call.Model)
	_, err := t.out.Write(b.Bytes())
	return err
}

// exitCodes is what the exit codes mean, on the root help and in the manual.
var exitCodes = []struct {
	code int
	what string
}{
	{0, "all is well; findings alone are no error"},
	{exitFinding, "a finding, a figure or damage that a flag makes an error; or the run failed"},
	{exitBadInput, "a mistake in the command line or in a file: one line says what, where and what to do"},
	{exitInterrupt, "Ctrl-C; what was done until then is kept"},
}

// helpPrinter is kong's, with the exit codes below the list of commands.
func helpPrinter(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil || ctx.Selected() != nil {
		return err
	}
	fmt.Fprintf(ctx.Stdout, "\nExit codes:\n")
	for _, e := range exitCodes {
		fmt.Fprintf(ctx.Stdout, "  %3d  %s\n", e.code, e.what)
	}
	return nil // what the writer below returns shows when it is closed
}

// name of a command without the program's.
func commandName(n *kong.Node) string {
	_, name, _ := strings.Cut(n.FullPath(), " ")
	return name
}

// shownFlags are the flags of a command that help lists.
func shownFlags(n *kong.Node) (all []*kong.Flag) {
	for _, group := range n.AllFlags(true) {
		all = append(all, group...)
	}
	return all
}

// choices are the words that a flag or an argument takes, if they are few.
func choices(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return strings.Split(strings.Trim(v.Enum, ","), ",")
}

// quoted is text in single quotes for a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func bash(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, "_dualbank() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words='--help --version'\n")
	var first []string
	for _, n := range app.Leaves(true) {
		name := strings.Fields(commandName(n))[0]
		if len(first) == 0 || first[len(first)-1] != name {
			first = append(first, name)
		}
	}
	fmt.Fprintf(w, "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W \"%s $words\" -- \"$cur\"))\n\t\treturn\n\tfi\n", strings.Join(first, " "))
	fmt.Fprintf(w, "\tcase \"${COMP_WORDS[*]:1}\" in\n")
	// The longest names first: `native check` before `native`.
	leaves := app.Leaves(true)
	for i := len(leaves) - 1; i >= 0; i-- {
		n := leaves[i]
		var words []string
		values := map[string][]string{}
		for _, f := range shownFlags(n) {
			words = append(words, "--"+f.Name)
			if c := choices(f.Value); c != nil {
				values["--"+f.Name] = c
			}
		}
		for _, p := range n.Positional {
			words = append(words, choices(p)...)
		}
		fmt.Fprintf(w, "\t%s*)\n\t\twords='%s'\n\t\tcase $prev in\n", strings.ReplaceAll(commandName(n), " ", `\ `), strings.Join(words, " "))
		for _, f := range shownFlags(n) {
			if c := values["--"+f.Name]; c != nil {
				fmt.Fprintf(w, "\t\t--%s) words='%s' ;;\n", f.Name, strings.Join(c, " "))
			}
		}
		fmt.Fprintf(w, "\t\tesac ;;\n")
	}
	fmt.Fprintf(w, "\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _dualbank dualbank\n")
}

func zsh(w io.Writer, app *kong.Application) {
	plainly := strings.NewReplacer("[", "(", "]", ")", ":", ";")
	fmt.Fprintf(w, "#compdef dualbank\n_dualbank() {\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a commands=(\n")
	for _, n := range app.Leaves(true) {
		if name := commandName(n); !strings.Contains(name, " ") {
			fmt.Fprintf(w, "\t\t\t%s\n", quoted(name+":"+plainly.Replace(n.Help)))
		}
	}
	fmt.Fprintf(w, "\t\t\t'native:Code of your own in C, C++ or another language.'\n\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase \"${words[2]}\" in\n")
	seen := map[string]bool{}
	for _, n := range app.Leaves(true) {
		name := strings.Fields(commandName(n))[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		fmt.Fprintf(w, "\t%s)\n\t\t_arguments", name)
		for _, f := range shownFlags(n) {
			value := ""
			if c := choices(f.Value); c != nil {
				value = ":" + f.Name + ":(" + strings.Join(c, " ") + ")"
			} else if !f.IsBool() {
				value = ":" + plainly.Replace(placeholder(f.Value)) + ":_files"
			}
			fmt.Fprintf(w, " \\\n\t\t\t%s", quoted("--"+f.Name+"["+plainly.Replace(f.Help)+"]"+value))
		}
		fmt.Fprintf(w, " \\\n\t\t\t'*:file:_files' ;;\n")
	}
	fmt.Fprintf(w, "\tesac\n}\ncompdef _dualbank dualbank\n")
}

func fish(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, "complete -c dualbank -n __fish_use_subcommand -l version -d 'Print the version.'\n")
	seen := map[string]bool{}
	for _, n := range app.Leaves(true) {
		words := strings.Fields(commandName(n))
		help := n.Help
		if len(words) > 1 {
			help = n.Parent.Help
		}
		if !seen[words[0]] {
			fmt.Fprintf(w, "complete -c dualbank -n __fish_use_subcommand -a %s -d %s\n", words[0], quoted(help))
		}
		seen[words[0]] = true
		if len(words) > 1 {
			fmt.Fprintf(w, "complete -c dualbank -n '__fish_seen_subcommand_from %s' -a %s -d %s\n", words[0], words[1], quoted(n.Help))
		}
		for _, f := range shownFlags(n) {
			takes := ""
			if c := choices(f.Value); c != nil {
				takes = " -x -a " + quoted(strings.Join(c, " "))
			} else if !f.IsBool() {
				takes = " -r"
			}
			fmt.Fprintf(w, "complete -c dualbank -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", words[len(words)-1], f.Name, takes, quoted(f.Help))
		}
	}
}

// manual writes the manual page in the macros of man(7).
func manual(w io.Writer, app *kong.Application) {
	escape := func(text string) string {
		text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
		if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
			text = `\&` + text
		}
		return text
	}
	fmt.Fprintf(w, ".TH DUALBANK 1 \"\" \"dualbank\" \"User Commands\"\n.SH NAME\ndualbank \\- %s\n", escape(app.Help))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B dualbank\n.I command\n[flags]\n.SH COMMANDS\n")
	for _, n := range app.Leaves(true) {
		fmt.Fprintf(w, ".SS \"%s\"\n%s\n", escape(n.Summary()), escape(n.Help))
		if n.Detail != "" {
			fmt.Fprintf(w, ".PP\n%s\n", escape(n.Detail))
		}
		for _, p := range n.Positional {
			fmt.Fprintf(w, ".TP\n.I %s\n%s\n", escape(p.Name), escape(p.Help))
		}
		for _, f := range shownFlags(n) {
			if f.Name == "help" || f.Name == "version" {
				continue
			}
			value := ""
			if !f.IsBool() {
				value = " " + strings.ToUpper(placeholder(f.Value))
			}
			fmt.Fprintf(w, ".TP\n.B \\-\\-%s%s\n%s\n", escape(f.Name), escape(value), escape(helpOf(f.Value)))
		}
	}
	fmt.Fprintf(w, ".SH EXIT STATUS\n")
	for _, e := range exitCodes {
		fmt.Fprintf(w, ".TP\n.B %d\n%s\n", e.code, escape(e.what))
	}
	fmt.Fprintf(w, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\n%s\n.TP\n.B GITHUB_STEP_SUMMARY\n%s\n", escape("If set, severities have no colour on a terminal."), escape("A file to which reports add a summary, as GitHub's runners set it."))
}
