package main

import (
	"errors"
	"fmt"

	"dualbank/fuzz/native"
	"dualbank/model"
	"dualbank/model/part"
)

// nativeCommand is about code under test in a program of its own.
type nativeCommand struct {
	Print printHeader `cmd:"" default:"withargs" hidden:"" help:"Print the header."`
	Check checkNative `cmd:"" help:"Start a program, say what it can do, and try a few operations."`
}

type printHeader struct {
	Header bool `help:"Print dualbank.h, which code under test includes."`
}

func (c *printHeader) Run(t terminal) error {
	if !c.Header {
		return badInput(errors.New("native: use --header, or check PROGRAM"))
	}
	_, err := t.out.Write(native.Header)
	return err
}

// nativeFlags say which program runs, and how.
type nativeFlags struct {
	Board   string `default:"nucleo-f429zi" placeholder:"NAME" help:"A board of 'dualbank parts': the store has its KVStore region (${default})."`
	Isolate string `default:"auto" enum:"auto,reset,fork,exec" help:"How the program forgets its RAM at a boot: ${enum} (${default})."`
}

type checkNative struct {
	Program string   `arg:"" help:"A program that was built with dualbank.h."`
	Args    []string `arg:"" optional:"" passthrough:"" help:"Its arguments."`
	nativeFlags
}

// Help says what the exit code means.
func (c *checkNative) Help() string {
	return "The exit code is 1 if an operation fails or does not repeat, 2 if it is no such program."
}

func (c *checkNative) Run(t terminal) error {
	p, err := c.program(c.Program, c.Args)
	if err != nil {
		return badInput(err)
	}
	defer p.Close()
	err = native.Check(t.out, p, func() (native.Medium, error) {
		_, dev, err := c.device()
		return dev, err
	})
	if err != nil && !errors.Is(err, native.ErrUnsound) {
		return badInput(err)
	}
	return err
}

// program is the code under test in the program at path.
func (c *nativeFlags) program(path string, args []string) (*native.Program, error) {
	iso, err := native.ParseIsolation(c.Isolate)
	return &native.Program{Path: path, Args: args, Isolate: iso}, err
}

// device is the board's flash, erased and without timing, and the store's region on it.
func (c *nativeFlags) device() (*model.Flash, *model.Region, error) {
	b, err := part.BoardByName(c.Board)
	if err != nil {
		return nil, nil, err
	}
	config, err := model.BoardConfig(b)
	if err != nil {
		return nil, nil, err
	}
	f, err := model.New(config)
	if err != nil {
		return nil, nil, err
	}
	dev, err := f.Region(b.KVStore.Base, b.KVStore.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	return f, dev, nil
}
