//! How many instructions an event takes on each hot path, under callgrind: a guard that a busy machine does not move.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::answer::{Result, verify};
use crate::digits::number;
use crate::hot::PATHS;
use crate::peers::program;

/// Instructions an event, by path.
type Counts = BTreeMap<String, f64>;

/// Counts, and compares with what was recorded; or records. A path that takes more than is allowed is a failure. One that
/// takes much less is named: what was won is to be recorded, so that it is not lost unseen, but another processor or
/// compiler can be the cause, too.
pub(crate) fn instructions(record: bool, seed: u64) -> Result<ExitCode> {
    let Some(valgrind) = program("valgrind") else {
        eprintln!("instructions were not counted: `valgrind` is not installed");
        let required = std::env::var("REQUIRE_RIGS").is_ok_and(|required| required == "1");
        return Ok(if required { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    };
    let recorded: Counts = match std::fs::read_to_string(file()) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Counts::new(),
    };
    let mut counts = Counts::new();
    let (mut grown, mut shrunk) = (0, 0);
    println!("| path | instructions an event | recorded | |\n|---|---:|---:|---:|");
    for (path, events) in PATHS {
        // The difference is what events cost; what is before and after them falls out.
        let few = count(&valgrind, path, events / 4, seed)?;
        let many = count(&valgrind, path, events, seed)?;
        let each = (many - few) / (events - events / 4) as f64;
        let before = recorded.get(path).copied();
        let change = before.map_or(f64::INFINITY, |before| each / before - 1.0);
        grown += usize::from(change > TOLERANCE);
        shrunk += usize::from(change < -TOLERANCE);
        let verdict = if change.abs() <= TOLERANCE { "" } else { " **!**" };
        let before = before.map_or("–".to_owned(), number);
        println!("| {path} | {} | {before} | {:+.1} %{verdict} |", number(each), change * 100.0);
        counts.insert(path.to_owned(), (each * 10.0).round() / 10.0);
    }
    if record {
        std::fs::write(file(), serde_json::to_string_pretty(&counts)? + "\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    if grown + shrunk > 0 {
        eprintln!(
            "of more than {:.0} %: {grown} paths take more instructions, {shrunk} less; `cargo run --release -p benches -- \
             instructions --record` where that is meant",
            TOLERANCE * 100.0
        );
    }
    Ok(if grown > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// All instructions of a process that takes the path so often.
fn count(valgrind: &Path, path: &str, count: u64, seed: u64) -> Result<f64> {
    let place = tempfile::tempdir()?;
    let out = place.path().join("callgrind.out");
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--error-exitcode=9"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["hot", path, &count.to_string(), "--seed", &seed.to_string()])
        .stdin(Stdio::null())
        .output()?;
    verify(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())?;
    let text = std::fs::read_to_string(out)?;
    let total =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    Ok(total.ok_or("no totals")?.trim().parse()?)
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

/// Threads meet differently from run to run, and compilers differ a little.
const TOLERANCE: f64 = 0.05;
