#!/usr/bin/env bash
# Runs the default campaign in both profiles and writes what it finds into docs/findings.md, behind what people wrote there.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=docs/findings.md
sed '/^## Output of the campaign/,$d' "$page" >"$work/page"
for profile in MbedCE MbedOS; do
	${GO:-go} run ./cmd/dualbank crash --profile "$profile" --out "$work/$profile"
	printf '## Output of the campaign, profile %s\n\n' "$profile" >>"$work/page"
	cat "$work/$profile/findings.md" >>"$work/page"
	echo >>"$work/page"
done
cp "$work/page" "$page"
