#!/usr/bin/env bash
# Builds and runs applications as they would be elsewhere: crates outside of the workspace, with dependencies and a graph
# of their own. They are copied to target/embedding first, so that the tree stays as it is; what they share with the
# workspace has the versions of its lock file.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
work=$root/target/embedding
rm -rf "$work"
mkdir -p "$work"

lines=$(wc -l < first-task/src/main.rs)
printf 'first-task: %s lines, at most 25\n' "$lines"
[ "$lines" -le 25 ]

for name in first-task nested-api beside-sqlx beside-diesel; do
    cp -r "$name" "$work/$name"
    cp "$root/Cargo.lock" "$work/$name/Cargo.lock"
    cd "$work/$name"
    if [ -f expected.txt ]; then
        cargo run --quiet > printed.txt
        diff expected.txt printed.txt
    else
        cargo test --quiet
    fi
    printf '%s: as expected, SQLite by %s\n' "$name" "$(cargo tree --prefix none --package rusqlite --depth 0)"
    cd - > /dev/null
done
