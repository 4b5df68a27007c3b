//! A crate outside of this workspace, as a third party would write it: with one line its store is tested, and one that
//! is wrong fails. It is built here from the same versions, without a network.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What stands in for the crate's own manifest; `{core}` is where core is.
const MANIFEST: &str = r#"
[package]
name = "theirs"
version = "0.1.0"
edition = "2024"

[features]
wrong = []

[dependencies]
async-trait = "0.1"
futures = { version = "0.3", default-features = false, features = ["std"] }
task-core = { path = "{core}" }

[dev-dependencies]
task-core = { path = "{core}", features = ["testing"] }
tokio = { version = "1.40", features = ["macros", "rt", "rt-multi-thread", "time"] }

[workspace]
"#;

#[test]
fn one_line_tests_the_store_of_a_third_party_and_fails_one_that_is_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let dir = tempfile::tempdir().expect("a directory");
    let core = root.join("task-core");
    let manifest = MANIFEST.replace("{core}", core.to_str().expect("a path in UTF-8"));
    fs::create_dir_all(dir.path().join("src")).expect("made");
    fs::create_dir_all(dir.path().join("tests")).expect("made");
    fs::write(dir.path().join("Cargo.toml"), manifest).expect("written");
    fs::write(dir.path().join("src/lib.rs"), include_str!("store.rs")).expect("written");
    fs::write(dir.path().join("tests/conformance.rs"), include_str!("mount.rs")).expect("written");
    // The versions are those that were tested; what is not needed is taken out of it.
    fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock")).expect("copied");

    let (passes, said) = test(dir.path(), &[]);
    assert!(passes, "{said}");
    assert!(said.contains("test events::after_is_exclusive ... ok"), "{said}");
    let (passes, said) = test(dir.path(), &["--features", "wrong"]);
    assert!(!passes, "{said}");
    assert!(said.contains("test events::after_is_exclusive ... FAILED"), "{said}");
}

/// Whether its tests pass, and what they said.
fn test(dir: &Path, arguments: &[&str]) -> (bool, String) {
    // Beside what this test was built into, so that the next time little is left to build.
    let target = std::env::current_exe().expect("a test has a file");
    let target = target.ancestors().nth(3).expect("a target directory").join("third-party");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["test", "--offline", "--test", "conformance"]).args(arguments);
    command.current_dir(dir).env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS");
    let output = command.output().expect("cargo runs");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}
