#!/usr/bin/env bash
# Whether the libraries can be published, and used as people do: each with the features they choose, and no others.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
libraries=(task-core task-store-writer task-store-sqlite task-store-sled task-axum task-runners)

# The features of a package, but for `default`.
features_of() {
    cargo metadata --locked --no-deps --format-version 1 | node -e '
        const { packages } = JSON.parse(require("fs").readFileSync(0, "utf8"))
        const { features } = packages.find(({ name }) => name === process.argv[1])
        console.log(Object.keys(features).filter((name) => name !== "default").join(" "))' "$1"
}

printf -- '-- packages: licences of what is linked\n'
cargo metadata --locked --all-features --format-version 1 | node tests/packages/licenses.mjs

printf -- '-- packages: features, one by one\n'
# `--no-default-features` of the SQLite store links the library of the system.
for package in "${libraries[@]}"; do
    features=$(features_of "$package")
    for feature in "" $features; do
        printf '%s: %s\n' "$package" "${feature:-none}"
        cargo clippy --quiet --locked --package "$package" --no-default-features --features "$feature" -- --deny warnings
    done
done

printf -- '-- packages: tests of the runners, with each of their features alone\n'
# Not in place of what is above: dependencies of tests switch features on that the library then seems to have.
features=$(features_of task-runners)
for feature in "" $features; do
    cargo clippy --quiet --locked --package task-runners --all-targets --no-default-features --features "$feature" -- \
        --deny warnings
done

printf -- '-- packages: each is built from what would be uploaded\n'
cargo package --quiet --locked --allow-dirty "${libraries[@]/#/--package=}"
for package in "${libraries[@]}"; do
    files=$(tar --list --file "target/package/$package"-*.crate)
    for file in Cargo.toml README.md LICENSE-APACHE LICENSE-MIT; do
        grep --quiet "/$file\$" <<< "$files" || { printf '%s: %s is not in the package\n' "$package" "$file"; exit 1; }
    done
    printf '%s: %s files\n' "$package" "$(wc -l <<< "$files")"
done
