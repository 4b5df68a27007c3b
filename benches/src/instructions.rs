//! How many instructions an event takes on each hot path, under callgrind: a guard that a busy machine does not move.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::answer::{Result, verify};
use crate::hot::PATHS;
use crate::peers::program;
use crate::report::number;

/// Instructions an event, by path.
type Counts = BTreeMap<String, f64>;

/// Counts, and compares with what was recorded; or records. A path that takes more than is allowed is a failure, and one
/// that takes much less, too: what was won is to be recorded, so that it is not lost unseen.
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
    let mut wrong = 0;
    println!("| path | instructions an event | recorded | |\n|---|---:|---:|---:|");
    for path in PATHS {
        let few = count(&valgrind, path, FEW, seed)?;
        let many = count(&valgrind, path, MANY, seed)?;
        let each = (many - few) / (MANY - FEW) as f64;
        let before = recorded.get(path).copied();
        let change = before.map_or(0.0, |before| each / before - 1.0);
        let verdict = if change.abs() <= TOLERANCE { "" } else { " **!**" };
        wrong += usize::from(!verdict.is_empty() || before.is_none());
        let before = before.map_or("–".to_owned(), number);
        println!("| {path} | {} | {before} | {:+.1} %{verdict} |", number(each), change * 100.0);
        counts.insert(path.to_owned(), each.round());
    }
    if record {
        std::fs::write(file(), serde_json::to_string_pretty(&counts)? + "\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    if wrong > 0 {
        eprintln!(
            "{wrong} paths differ by more than {:.0} %: `cargo run --release -p benches -- instructions --record`, where \
             that is meant",
            TOLERANCE * 100.0
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
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

/// The difference is what events cost; what is before and after them falls out.
const FEW: u64 = 1024;
const MANY: u64 = 4096;

/// Threads meet differently from run to run, and compilers differ a little.
const TOLERANCE: f64 = 0.05;
