//! The table in `CONTRIBUTING.md` that says which tests prove which promise is true: a test that is renamed, moved or
//! ignored breaks it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The promises of the front page of core, and what must hold at any moment.
const ROWS: usize = 9 + 18;

#[test]
fn every_promise_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).expect("a text");
    let (_, section) = text.split_once("## What is promised, and what proves it").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<_> = section.lines().filter(|line| is_row(line)).collect();
    assert_eq!(rows.len(), ROWS);
    let mut numbers = HashSet::new();
    for row in rows {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (number, tests) = (cells.next().unwrap_or_default(), cells.nth(1).unwrap_or_default());
        assert!(numbers.insert(number), "{number} is there twice");
        // Between backticks: a file, then the tests in it.
        let words: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(words.iter().any(|word| !word.ends_with(".rs")), "{number} names no test");
        let mut file = String::new();
        for word in words {
            if word.ends_with(".rs") {
                let path = root.join(word);
                file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{number}: {word}: {error}"));
            } else {
                assert!(is_test(&file, word), "{number}: there is no test {word} in that file");
            }
        }
    }
}

/// Rows begin with a number of a promise or an invariant.
fn is_row(line: &str) -> bool {
    let first = line.strip_prefix("| ").and_then(|line| line.chars().next());
    first.is_some_and(|c| matches!(c, 'P' | 'I')) && !line.starts_with("| Promise")
}

/// A function of that name that nothing tells to be left out. Clauses of the kit are tests wherever it is mounted.
fn is_test(file: &str, name: &str) -> bool {
    let Some(at) = ["(", "<"].iter().find_map(|end| file.find(&format!("fn {name}{end}"))) else {
        return false;
    };
    let before = &file[..at];
    let begin = before.rfind("\n\n").unwrap_or_default();
    !before[begin..].contains("#[ignore")
}

#[test]
fn a_test_that_is_not_there_or_ignored_is_none() {
    let file = "\n\n#[test]\nfn one() {}\n\n#[test]\n#[ignore]\nfn two() {}\n\nasync fn three<H>() {}\n";
    let found: Vec<_> =
        ["one", "on", "two", "three", "four"].iter().filter(|name| is_test(file, name)).collect();
    assert_eq!(found, [&"one", &"three"]);
    assert!(is_row("| P1 | x | `a` |") && !is_row("| Promise | x |") && !is_row("|---|"));
}
