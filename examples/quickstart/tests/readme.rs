//! The Rust that the README shows is code that runs: it stands here once more, and is compared.

use std::error::Error;
use std::path::Path;

use futures::TryStreamExt;
use task_core::{NewTask, RunContext, RunResult, Seq, TaskManager};
use task_store_sqlite::SqliteStore;

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_program_of_the_readme_runs() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // No other test of this file looks at files.
    std::env::set_current_dir(&dir)?;

    let tasks =
        TaskManager::builder(SqliteStore::open("tasks.db").await?).runner("parrot", parrot).start().await?;
    let task = tasks.create(NewTask::new("parrot", "hello there")).await?;
    let mut events = tasks.subscribe(task.id, Seq::ZERO);

    let mut said = String::new();
    while let Some(event) = events.try_next().await? {
        said.push_str(event.json());
    }
    assert!(said.contains("hello there") && said.contains(r#""kind":"completed""#), "{said}");
    Ok(())
}

#[test]
fn the_readme_shows_this_program() {
    let program = without_spaces(include_str!("readme.rs"));
    let readme = include_str!("../../../README.md");
    let blocks: Vec<_> =
        readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the README shows no Rust");
    for part in blocks.iter().flat_map(|block| block.split("\n\n")) {
        let shown = without_spaces(part);
        assert!(program.contains(&shown), "the README shows what does not run here:\n{part}");
    }
}

#[test]
fn every_link_of_the_readme_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = include_str!("../../../README.md");
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let files: Vec<_> = targets.filter(|target| !target.is_empty() && !target.contains("://")).collect();
    assert!(files.len() > 10, "only {files:?}");
    for file in files {
        assert!(root.join(file).exists(), "the README links to {file}, which is not there");
    }
}

/// Code without its comments and spaces: the README explains more, and breaks lines elsewhere.
fn without_spaces(code: &str) -> String {
    let lines = code.lines().filter_map(|line| line.split("//").next());
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}
