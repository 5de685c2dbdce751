# What people and CI call. GO may name another toolchain; FUZZTIME is the time for each fuzz target.
GO ?= go
FUZZTIME ?= 30s
# Whether a rule that is broken ends the guided search, or a panic alone ("").
DUALBANK_STRICT ?= 1

.PHONY: catalogue mutants findings run test bench fuzz gofuzz lint

# The main job on the guide's board: workload, update, power cuts. The report is out/report.html.
run:
	$(GO) run ./cmd/dualbank run --out out

# The race detector needs a C compiler; the tests run without it where there is none. It makes the simulation ten times
# slower, and sees nothing where nothing runs side by side: CONCURRENT are the packages that start goroutines, use one that
# does, or have tests that do (TestConcurrent).
RACE ?= $(if $(shell command -v $$($(GO) env CC)),-race)
CONCURRENT := ./bench/job ./bench/plan ./cmd/... ./fuzz/... ./internal/... ./scripts/gofuzz ./scripts/libfuzzer
SEQUENTIAL = $(filter-out $(shell $(GO) list $(CONCURRENT)),$(shell $(GO) list ./...))

# The default set, with the race detector. LONG=1 then runs everything without it, with the tests that take long
# (internal/long) and all checks of the property tests.
test:
	RAPID_CHECKS=20 $(GO) test $(RACE) -timeout 20m $(CONCURRENT)
	RAPID_CHECKS=20 $(GO) test -timeout 20m $(SEQUENTIAL)
	$(if $(LONG),DUALBANK_LONG=1 $(GO) test -timeout 20m ./...)

# Simulated metrics are exact; pipe into `go tool benchstat` to read them as a table.
bench:
	$(GO) test -run '^$$' -bench . ./bench ./bench/plan

fuzz:
	GO="$(GO)" DUALBANK_STRICT="$(DUALBANK_STRICT)" scripts/fuzz.sh $(FUZZTIME)

# The same bodies under go-fuzz: corpora are shared with the native engine both ways, crashers become findings
# in out/gofuzz.
gofuzz:
	set -e; for target in FuzzKV FuzzSecure FuzzUpdate FuzzLayout; do $(GO) run ./scripts/gofuzz $(FUZZTIME) $$target; done

# Runs the default campaigns, some minutes each, and writes their tables into docs/findings.md.
findings:
	GO="$(GO)" scripts/findings.sh

# Scores the catalogue of known defects, and writes docs/catalogue.md.
catalogue:
	DUALBANK_CATALOGUE=1 $(GO) test -run '^$$' -bench Catalogue -benchtime 1x ./fuzz

# Changes the sources one place at a time and reports which changes no test notices: see CONTRIBUTING.md. Hours; a second
# call goes on where the first one ended.
mutants:
	$(GO) run ./scripts/mutants -n 200

lint:
	@unformatted=$$($(GO) tool gofumpt -l .); test -z "$$unformatted" || { echo "not formatted with gofumpt:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
