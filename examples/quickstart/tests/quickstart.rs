//! The quickstart is what the README shows: it has to work, and to stay short.

use std::process::Command;

#[test]
fn it_runs_a_task_to_its_end_and_again_on_the_same_file() {
    let dir = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        let output =
            Command::new(env!("CARGO_BIN_EXE_quickstart")).current_dir(&dir).output().expect("it starts");
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{errors}");
        // One event or two: words that wait together are written together.
        assert!(
            text.contains(r#""kind":"text","block":"reply","text":"hello "#) && text.contains("there "),
            "{text}"
        );
        assert!(text.lines().last().is_some_and(|last| last.contains(r#""kind":"completed""#)), "{text}");
    }
}

#[test]
fn it_has_at_most_25_lines() {
    assert!(include_str!("../src/main.rs").lines().count() <= 25);
}
