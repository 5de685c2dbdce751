#!/usr/bin/env bash
# Compares the benchmarks of two commits on this machine, for a CI job that looks at a change:
#
#	scripts/compare-ci.sh BASE [HEAD]
#
# Both commits' test binaries are built before anything is measured. Simulated metrics are the same every time: their
# benchmarks run once, both commits at a time. Benchmarks of host time run in turns, so that what slows the machine down
# for a while slows both. The exit code is that of `dualbank compare`: 1 if HEAD (the present commit if not given) is
# worse than its limits allow, 2 if something is wrong.
#
# PACKAGE (./bench)  whose benchmarks; BENCH (.) which of them
# HOST               which of them measure host time, an extended regular expression for their names; without it, all,
#                    in ./bench those that say how fast dualbank is
# COUNT (6)          rounds of those: host time needs 4 at least to be significant
# BENCHTIME (200ms)  for each of those, as -benchtime has it
# OUT (out/compare)  folder for base.txt and head.txt
# THRESHOLDS         scenario file with the limits
# DUALBANK           a built command to compare with; without it, HEAD's
# GO                 the go command
set -euo pipefail

fail() { echo "compare-ci: $*" >&2; exit 2; }
[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: scripts/compare-ci.sh BASE [HEAD]"
go=${GO:-go} package=${PACKAGE:-./bench} bench=${BENCH:-.} count=${COUNT:-6} benchtime=${BENCHTIME:-200ms} out=${OUT:-out/compare}
host=${HOST-}
if [ -z "$host" ]; then
	case $package in ./bench) host='^(Cuts|Plan|TimingCost)$' ;; *) host=. ;; esac
fi
case $count in *[!0-9]* | '' | 0) fail "COUNT=$count: give the number of rounds" ;; esac
cd "$(git rev-parse --show-toplevel)" || fail "not in a git repository"

work=$(mktemp -d)
cleanup() {
	wait
	for side in base head; do git worktree remove --force "$work/$side" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

checkout() { # SIDE COMMIT
	commit=$(git rev-parse --verify --quiet "$2^{commit}") || fail "$2: no such commit: fetch it first"
	git worktree add --quiet --detach "$work/$1" "$commit" || fail "$2: cannot be checked out"
	(cd "$work/$1" && "$go" test -trimpath -c -o "$work/$1.test" "$package") || fail "$1, $2: the benchmarks do not build"
}
checkout base "$1"
checkout head "${2:-HEAD}"
if [ -z "${DUALBANK:-}" ]; then
	DUALBANK=$work/dualbank
	(cd "$work/head" && "$go" build -trimpath -o "$DUALBANK" ./cmd/dualbank) || fail "dualbank does not build"
fi

mkdir -p "$out"
: >"$out/base.txt"
: >"$out/head.txt"
say() { echo "compare-ci: $*, ${SECONDS} s" >&2; }

# The names of the benchmarks that BENCH begins with, and what follows in it for those below them.
top=${bench%%/*} below=
[ "$top" = "$bench" ] || below=/${bench#*/}
names() { # SIDE
	"$work/$1.test" -test.list "${top:-.}" | sed -n 's/^Benchmark//p' || fail "$1: the benchmarks cannot be listed"
}
measure() { # SIDE NAMES-JOINED-BY-BARS BENCHTIME
	[ -n "$2" ] || return 0
	(cd "$work/$1/$package" && "$work/$1.test" -test.run '^$' -test.bench "^Benchmark($2)\$$below" -test.benchtime "$3" -test.benchmem) >>"$out/$1.txt" ||
		fail "$1: the benchmarks fail: see $out/$1.txt"
}
joined() { paste -sd '|' -; }

all=$({ names base; names head; } | awk '!seen[$0]++')
exact=$(echo "$all" | grep -Ev -- "$host" || true)
timed=$(echo "$all" | grep -E -- "$host" | joined || true)
[ -n "$all" ] || fail "BENCH=$bench: no benchmark of $package has such a name"

n=0 of=$(echo "$exact" | grep -c . || true)
for name in $exact; do
	n=$((n + 1))
	say "simulated metrics, $n of $of: $name"
	measure base "$name" 1x &
	other=$!
	measure head "$name" 1x || { wait "$other" || true; exit 2; }
	wait "$other" || exit 2
done
[ -n "$timed" ] || count=0
for ((round = 1; round <= count; round++)); do
	# Who goes first changes, so that neither always runs on the warmer machine.
	if ((round % 2)); then order="base head"; else order="head base"; fi
	for side in $order; do
		say "host time, round $round of $count, $side"
		measure "$side" "$timed" "$benchtime"
	done
done
say "measured"

options=()
[ -n "${THRESHOLDS:-}" ] && options+=(--thresholds "$THRESHOLDS")
[ -n "${GITHUB_ACTIONS:-}" ] && options+=(--github)
"$DUALBANK" compare ${options[@]+"${options[@]}"} "$out/base.txt" "$out/head.txt"
