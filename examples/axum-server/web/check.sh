#!/usr/bin/env bash
# The gate of the page: what has to hold before a change of it lands. Needs Node 20.19 or newer with npm, and these
# packages of the system (installed where that is possible, with --no-install-recommends):
PACKAGES="chromium fonts-liberation fonts-noto-cjk"
#
# Pictures of every page and state go to $TASKS_PICTURES, else to a directory whose name is printed.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 TASKS_BROWSER=required NO_COLOR=1
root=$(cd ../../.. && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '\n-- page: %s\n' "$*"; }

step "tools"
if ! command -v chromium >/dev/null || [ "$(fc-list :lang=zh | wc -l)" = 0 ]; then
    # shellcheck disable=SC2086 # a list
    apt-get install --yes --no-install-recommends $PACKAGES \
        || { apt-get update && apt-get install --yes --no-install-recommends $PACKAGES; }
fi
npm ci --no-fund --no-audit --loglevel=error

step "types"
npm run --silent typecheck

step "words"
npm run --silent lint

step "tests of the parts"
npm run --silent test

step "the built page is that of the sources"
npx --no vite build --logLevel warn --outDir "$work/dist"
node scripts/embed.mjs "$work/dist" "$work/assets.rs"
diff -r "$work/dist" dist
diff "$work/assets.rs" ../src/page/assets.rs

step "sizes"
npm run --silent budgets

step "the types are those of the API"
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package axum-server --package fake-model-api
node scripts/describe.mjs "$CARGO_TARGET_DIR/debug/axum-server" > "$work/openapi.json"
node scripts/types.mjs --check "$work/openapi.json"

step "tests in the browser"
export TASKS_PICTURES=${TASKS_PICTURES:-$(mktemp -d)}
npm run --silent browser
printf 'pictures: %s\n' "$TASKS_PICTURES"
