#!/usr/bin/env bash
# Runs every native fuzz target of the module for the time given (30s by default), one after the
# other. A crasher ends it; the go command says where it left the input.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${1:-30s}
targets=0
for package in $($go list ./...); do
	for target in $($go test -list '^Fuzz' "$package" | sed -n '/^Fuzz/p'); do
		echo "== $package $target"
		# Minimising at length would take the time that is meant for new inputs.
		$go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package"
		targets=$((targets + 1))
	done
done
echo "$targets fuzz targets"
[ "$targets" -gt 0 ]
