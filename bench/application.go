package bench

import (
	"fmt"
	"slices"
	"time"

	"dualbank/boot/layout"
	"dualbank/model"
	"dualbank/model/part"
)

// Application is the [application] section: what runs beside the storage.
type Application struct {
	Code       Code        `toml:"code" comment:"Where it runs from: layout (the bank that the layout has it in), bank1 to bank4, or ram."`
	Drivers    []string    `toml:"drivers" comment:"Flash drivers that the workload is run with as well, to see what the application feels of each."`
	Interrupts []Interrupt `toml:"interrupts,inline,multiline" comment:"Name, period, first activation, deadline (0s: none), and where handler and vector table are: code (beside the application), bank1 to bank4, or ram."`
	Watchdog   Watchdog    `toml:"watchdog"`
}

// Interrupt is a periodic interrupt of the application.
type Interrupt struct {
	Name     string   `toml:"name"`
	Period   Duration `toml:"period"`
	Offset   Duration `toml:"offset"`
	Deadline Duration `toml:"deadline"`
	Handler  Code     `toml:"handler"`
}

// Watchdog is the [application.watchdog] section.
type Watchdog struct {
	Period Duration `toml:"period" comment:"How long it waits; 0s: there is none."`
	Feed   Duration `toml:"feed" comment:"How often it is fed while nothing is in the way, by the application."`
	By     string   `toml:"by" comment:"Who feeds it: application (a thread of it), caller (who uses the storage, between calls), or an interrupt by its name."`
	Mode   Mode     `toml:"mode" comment:"How a flash operation is left in which it resets the device: before, after, torn, prefix, weak, ecc."`
}

func (a *Application) check() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("application.%s: %s", key, fmt.Sprintf(format, args...))
	}
	if a.Code == codeBeside {
		return bad("code", "%q is where a handler may be: give layout, bank1 to bank4, or ram", a.Code)
	}
	if len(a.Drivers) > 8 {
		return bad("drivers", "%d drivers: give at most 8", len(a.Drivers))
	}
	if len(a.Interrupts) > 16 {
		return bad("interrupts", "%d interrupts: give at most 16", len(a.Interrupts))
	}
	for i, in := range a.Interrupts {
		at := fmt.Sprintf("interrupts[%d]", i)
		switch {
		case !nameable(in.Name) || in.Name == model.FedByApplication || in.Name == model.FedByCaller || in.Name == model.FedByNobody:
			return bad(at, "name %q: give a word without space, / or =, not %s, %s or %s", in.Name, model.FedByApplication, model.FedByCaller, model.FedByNobody)
		case slices.ContainsFunc(a.Interrupts[:i], func(o Interrupt) bool { return o.Name == in.Name }):
			return bad(at, "name %q stands there twice: name each interrupt once", in.Name)
		case in.Period < Duration(time.Microsecond) || in.Period > Duration(time.Hour):
			return bad(at, "period %v: give 1µs to 1h", time.Duration(in.Period))
		case in.Offset < 0 || in.Offset > Duration(time.Hour):
			return bad(at, "offset %v: give 0s to 1h", time.Duration(in.Offset))
		case in.Deadline < 0 || in.Deadline > Duration(time.Hour):
			return bad(at, "deadline %v: give 0s to 1h", time.Duration(in.Deadline))
		case in.Handler == codeOfLayout:
			return bad(at, "handler %q: give code, bank1 to bank4, or ram", in.Handler)
		}
	}
	w := &a.Watchdog
	switch {
	case w.Period != 0 && (w.Period < Duration(time.Microsecond) || w.Period > Duration(time.Hour)):
		return bad("watchdog.period", "%v: give 1µs to 1h, or 0s for none", time.Duration(w.Period))
	case w.Feed != 0 && (w.Feed < Duration(time.Microsecond) || w.Feed > Duration(time.Hour)):
		return bad("watchdog.feed", "%v: give 1µs to 1h, or 0s", time.Duration(w.Feed))
	case w.Mode.Mode == nil:
		return bad("watchdog.mode", "is missing: name one")
	}
	return nil
}

// code returns where the application runs from on a part with a layout.
func (a *Application) code(l *layout.Layout, part *part.Part) model.Code {
	if a.Code != codeOfLayout {
		return model.Code(a.Code)
	}
	app, _ := l.Region(layout.RegionApplication)
	return BankOf(part, app.Start)
}

// BankOf returns the bank in which an address of a part's flash lies.
func BankOf(part *part.Part, addr uint32) model.Code {
	bank := 0
	for _, s := range part.Sectors() {
		if addr-s.Addr < s.Size {
			bank = s.Bank
		}
	}
	return model.Code(bank)
}

// app returns the application for the model, with its code at a place.
func (a *Application) app(code model.Code, seed uint64) model.App {
	var app model.App
	for _, in := range a.Interrupts {
		handler := code
		if in.Handler != codeBeside {
			handler = model.Code(in.Handler)
		}
		app.Interrupts = append(app.Interrupts, model.Interrupt{
			Name: in.Name, Period: time.Duration(in.Period), Offset: time.Duration(in.Offset), Deadline: time.Duration(in.Deadline), Handler: handler,
		})
	}
	if w := &a.Watchdog; w.Period > 0 {
		app.Watchdog = &model.Watchdog{Period: time.Duration(w.Period), Feed: time.Duration(w.Feed), By: w.By, Mode: w.Mode.Mode, Seed: seed}
	}
	return app
}
