//! Every verb of the manager, of its builder and of a run has an example. That the examples run is what doctests prove.

use std::fs;
use std::path::Path;

const VERBS: &[&str] = &[
    "manager/builder.rs",
    "manager/commands.rs",
    "manager/create.rs",
    "manager/lifetime.rs",
    "manager/reads.rs",
    "manager/tasks.rs",
    "runner/context.rs",
    "runner/keeping.rs",
    "runner/messages.rs",
    "runner/output.rs",
    "runner/questions.rs",
];

#[test]
fn every_verb_has_an_example() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    let mut bare = Vec::new();
    for file in VERBS {
        let text = fs::read_to_string(source.join(file)).expect("a file of verbs");
        let (verbs, without) = verbs(&text);
        seen += verbs;
        bare.extend(without.into_iter().map(|verb| format!("{file}: {verb}")));
    }
    assert!(seen > 50, "only {seen} verbs were found: they are elsewhere by now");
    assert!(bare.is_empty(), "without an example: {bare:#?}");
}

/// How many public methods there are, and those whose documentation has no code. What returns a part of a value, as
/// `IncomingMessage::text`, is shown by the verb that gives the value.
fn verbs(source: &str) -> (usize, Vec<String>) {
    let (mut of_handle, mut has_code, mut seen) = (false, false, 0);
    let mut bare = Vec::new();
    for line in source.lines() {
        if line.starts_with("impl") {
            of_handle =
                ["impl RunContext {", "impl TaskManager {", "impl TaskManagerBuilder {"].contains(&line);
        }
        let line = line.trim_start();
        if line.starts_with("///") {
            has_code |= line.starts_with("/// ```");
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| line.starts_with("pub ")) {
            let name = rest.split(['(', '<']).next().unwrap_or(rest);
            seen += usize::from(of_handle);
            if of_handle && !has_code {
                bare.push(name.to_owned());
            }
            has_code = false;
        } else if !line.starts_with("#[") {
            has_code = false;
        }
    }
    (seen, bare)
}
