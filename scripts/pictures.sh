#!/usr/bin/env bash
# Runs the main job and a capacity plan. Copies their pictures into docs/img, and the head of the run's summary into
# docs/report.md, between the lines that say so.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${GO:-go} run ./cmd/dualbank run -v --out out >"$work/summary"
mkdir -p docs/img
for picture in wear latency timeline updates gc-driver-mbed interrupts-control; do
	cp "out/plots/$picture.png" "docs/img/$picture.png"
done
cp out/plots/cuts-kvstore-*.png docs/img/cuts-kvstore.png
cp out/plots/cuts-update-*.png docs/img/cuts-update.png
${GO:-go} run ./cmd/dualbank plan --keys 40 --size 16-600 --writes-per-day 500 --years 10 --out "$work/plan" >/dev/null
cp "$work/plan/plots/lifetime.png" "$work/plan/plots/live.png" docs/img/
${GO:-go} run ./cmd/dualbank update --size 400KiB --driver mbed --strategy copy,swap --out "$work/swap" >/dev/null
cp "$work/swap/plots/updates.png" docs/img/update-swap.png
# The facts end at the second empty line.
awk '/^KVStore and firmware update/ { on = 1 } on && /^$/ { empty++ } empty == 2 { exit } on' "$work/summary" >"$work/head"
awk -v head="$work/head" '
	/^<!-- summary:/ { print; print "```"; while ((getline line < head) > 0) print line; print "```"; skip = 1; next }
	/^<!-- end -->/ { skip = 0 }
	!skip' docs/report.md >"$work/report.md"
cp "$work/report.md" docs/report.md
