#!/usr/bin/env bash
# Runs every native fuzz target of the module for the time given (30s by default; 1000x: so many
# inputs), one after the other. A crasher ends it; the go command says where it left the input, and of an
# input of the guided search a finding is made, in out/fuzz. With DUALBANK_STRICT=1 that search ends at
# every broken rule that the reference is not known for, else at panics alone.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${1:-30s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
targets=0

# failed makes the input that ended a target of the guided search a finding.
failed() {
	name=$(sed -nE "s,.*(testdata/fuzz/|seed corpus entry: )$2/([^ ]+).*,\\2,p" "$log" | head -1)
	input=fuzz/testdata/fuzz/$2/$name
	[ -f "$input" ] || input=$($go env GOCACHE)/fuzz/$1/$2/$name
	case $1/$2 in */fuzz/FuzzKV | */fuzz/FuzzSecure | */fuzz/FuzzUpdate | */fuzz/FuzzLayout)
		if [ -f "$input" ]; then $go run ./cmd/dualbank crash --input "$input" --out out/fuzz; fi
		;;
	esac
	exit 1
}

for package in $($go list ./...); do
	for target in $($go test -list '^Fuzz' "$package" | sed -n '/^Fuzz/p'); do
		echo "== $package $target"
		# Minimising at length would take the time that is meant for new inputs.
		if ! $go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package" 2>&1 | tee "$log"; then
			# Before Go 1.27 the end of the time itself can count as a failure (go.dev/issue/75804). A real
			# one has an input, or stands in the seeds' own tests.
			grep -qx '    context deadline exceeded' "$log" || failed "$package" "$target"
			if grep -qE 'Failing input written|failure while testing seed corpus|panic:' "$log"; then failed "$package" "$target"; fi
			echo "ended by its time"
		fi
		targets=$((targets + 1))
	done
done
echo "$targets fuzz targets"
[ "$targets" -gt 0 ]
