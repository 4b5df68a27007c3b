#!/usr/bin/env bash
# A search that finds nothing proves nothing until it has found something: each fault in `planted/` is put into a copy
# of the sources, and the scenario that its file names has to fail. A patch that no longer fits fails, too.
set -euo pipefail
cd "$(dirname "$0")/../../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
target=$PWD/target/planted
export RUSTFLAGS="--cfg shuttle --cap-lints allow" SCHEDULES="${SCHEDULES:-1000}"

git ls-files --cached --others --exclude-standard -z | xargs -0 tar --create --ignore-failed-read \
    | tar --extract --touch --directory "$copy"
# Without a fault they pass, or what follows would prove nothing.
(cd "$copy" && SCHEDULES=10 cargo test --locked --quiet --target-dir "$target" --package task-core --features testing \
    --test schedules)
for patch in "$PWD"/task-core/tests/schedules/planted/*.patch; do
    scenario=$(sed -n 's/^Caught by: //p' "$patch")
    git -C "$copy" apply --verbose "$patch" 2>/dev/null || { echo "$patch does not fit any more"; exit 1; }
    (cd "$copy" && cargo test --locked --quiet --target-dir "$target" --package task-core --features testing \
        --test schedules --no-run)
    if (cd "$copy" && cargo test --locked --quiet --target-dir "$target" --package task-core --features testing \
        --test schedules "$scenario" >"$copy/outcome" 2>&1); then
        echo "$(basename "$patch"): not caught by $scenario"
        exit 1
    fi
    # A scenario of that name was run, and it was the schedule that failed.
    grep --quiet "failing schedule" "$copy/outcome" || { cat "$copy/outcome"; exit 1; }
    echo "$(basename "$patch" .patch): caught by $scenario"
    git -C "$copy" apply --reverse "$patch"
done
