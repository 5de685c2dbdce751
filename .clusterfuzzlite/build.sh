#!/usr/bin/env bash
# Builds the four targets of the guided search for libFuzzer, with their seeds: TARGET and TARGET_seed_corpus.zip in $OUT.
# ClusterFuzzLite and OSS-Fuzz set these variables; without them it works with Debian's clang:
#   OUT=out/libfuzzer .clusterfuzzlite/build.sh && out/libfuzzer/FuzzKV -max_total_time=60 out/libfuzzer/FuzzKV_seeds
set -euo pipefail
[ -f go.mod ] || cd "$(dirname "$0")/.." # OSS-Fuzz runs a copy, in the folder of the sources
: "${OUT:=out/libfuzzer}" "${CC:=clang}" "${CXX:=clang++}" "${CFLAGS:=}" "${CXXFLAGS:=}" "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in ${TARGETS:-FuzzKV FuzzSecure FuzzUpdate FuzzLayout}; do
	# The runtime is not instrumented: what it does depends on more than the input.
	CGO_ENABLED=1 CC=$CC CGO_CFLAGS=$CFLAGS go build -tags libfuzzer -buildmode=c-archive \
		-gcflags="dualbank/...=-d=libfuzzer" -ldflags="-X main.target=$target" -o "$work/$target.a" ./scripts/libfuzzer
	$CXX $CXXFLAGS "$work/$target.a" $LIB_FUZZING_ENGINE -lpthread -o "$OUT/$target"
	rm -rf "${OUT:?}/${target}_seeds"
	go run ./scripts/libfuzzer "$target" "$OUT/${target}_seeds"
	if command -v zip >/dev/null; then
		rm -f "$OUT/${target}_seed_corpus.zip"
		zip -q -j "$OUT/${target}_seed_corpus.zip" "$OUT/${target}_seeds"/*
	fi
done
