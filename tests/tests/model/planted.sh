#!/usr/bin/env bash
# A search that finds nothing proves nothing until it has found something: each fault in `planted/` is put into a copy
# of the sources, and a history has to find it. A patch that no longer fits fails, too.
set -euo pipefail
cd "$(dirname "$0")/../../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
target=$PWD/target/planted-model
export RUSTFLAGS="--cap-lints allow" MODEL_CASES="${MODEL_CASES:-3000}" SEED="${SEED:-1}"

search() {
    (cd "$copy" && timeout 900 cargo test --locked --quiet --target-dir "$target" --package agent-tasks-tests --test model "$@")
}

git ls-files --cached --others --exclude-standard -z | xargs -0 tar --create --ignore-failed-read \
    | tar --extract --touch --directory "$copy"
# Without a fault they pass, or what follows would prove nothing.
MODEL_CASES=100 search in_memory
for patch in "$PWD"/tests/tests/model/planted/*.patch; do
    git -C "$copy" apply --verbose "$patch" 2>/dev/null || { echo "$patch does not fit any more"; exit 1; }
    search --no-run
    if search in_memory >"$copy/outcome" 2>&1; then
        echo "$(basename "$patch"): not found in $MODEL_CASES histories"
        exit 1
    fi
    # It was a history that failed, and nothing else.
    grep --quiet "^MODEL_CASES=1 SEED=" "$copy/outcome" || { cat "$copy/outcome"; exit 1; }
    echo "$(basename "$patch" .patch): $(grep --max-count 1 "^MODEL_CASES=1 SEED=" "$copy/outcome")"
    git -C "$copy" apply --reverse "$patch"
done
