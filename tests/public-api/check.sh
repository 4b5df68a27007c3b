#!/usr/bin/env bash
# Whether the public API of every library is the one that is recorded here: no change of it lands unseen.
# `check.sh --record` records it anew.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
if [ "${PUBLIC_API-1}" = 0 ]; then
    printf 'public API: not compared, because of PUBLIC_API=0\n'
    exit 0
fi
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT

# Those that can be published: one that is added is missed here until it is recorded.
libraries=$(cargo metadata --locked --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" | node -e '
    const { packages } = JSON.parse(require("fs").readFileSync(0, "utf8"))
    console.log(packages.filter(({ publish }) => publish === null).map(({ name }) => name).join(" "))')

describe=(cargo doc --quiet --locked --manifest-path "$root/Cargo.toml" --no-deps --all-features)
for library in $libraries; do
    describe+=(--package "$library")
done
RUSTDOC=$PWD/rustdoc.sh RUSTDOCFLAGS="-Z unstable-options --output-format json" "${describe[@]}"
for library in $libraries; do
    cargo run --quiet --locked -- "$CARGO_TARGET_DIR/doc/${library//-/_}.json" > "$found/$library.txt"
done

if [ "${1-}" = --record ]; then
    rm -rf recorded
    mkdir recorded
    cp "$found"/*.txt recorded
elif ! diff --recursive --unified=0 recorded "$found"; then
    printf '\nThe public API is not the recorded one: - is recorded, + is found. If it is meant to be, record it anew with\n'
    printf '    tests/public-api/check.sh --record\n'
    exit 1
fi
for library in $libraries; do
    printf '%s: %s lines of public API\n' "$library" "$(wc -l < "$found/$library.txt")"
done
