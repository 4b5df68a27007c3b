//! Prints the public items of a crate, one a line, from what rustdoc wrote about it: `public-api-list task_core.json`.
//!
//! Left out is what follows from the rest: blanket implementations, the methods of derived ones, and `Send`, `Sync` and
//! their like where a type has them. That a type is not `Send` or not `Sync` is printed, so that losing it is seen.

use std::collections::HashSet;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use public_api::{Builder, PublicApi};
use rustdoc_types::FORMAT_VERSION;

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("usage: public-api-list FILE, a file that rustdoc wrote as JSON");
        return ExitCode::FAILURE;
    };
    let path: &Path = path.as_ref();
    match print(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

fn print(path: &Path) -> Result<(), Box<dyn Error>> {
    check_format(path)?;
    let all = Builder::from_rustdoc_json(path).omit_blanket_impls(true);
    let with_derived = all.clone().omit_auto_trait_impls(true);
    let written: HashSet<_> = lines(&with_derived.clone().omit_auto_derived_impls(true).build()?).collect();
    let with_derived: HashSet<_> = lines(&with_derived.build()?).collect();
    let mut out = io::stdout().lock();
    for line in lines(&all.build()?) {
        let kept = if written.contains(&line) {
            true
        } else if with_derived.contains(&line) {
            line.starts_with("impl") && !line.contains("StructuralPartialEq for")
        } else {
            // Found by the compiler.
            line.contains(" !core::marker::Send for") || line.contains(" !core::marker::Sync for")
        };
        if kept {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The format changes with the compiler, and a file of another one could be read, but wrongly.
fn check_format(path: &Path) -> Result<(), Box<dyn Error>> {
    let file: serde_json::Value = serde_json::from_slice(&fs::read(path)?)?;
    let format = &file["format_version"];
    if format.as_u64() == Some(FORMAT_VERSION.into()) {
        return Ok(());
    }
    Err(format!(
        "this Rust describes crates in format {format}, and this check reads format {FORMAT_VERSION}. \
         Use a Rust that writes format {FORMAT_VERSION}; or give tests/public-api/Cargo.toml the versions of \
         `public-api` and `rustdoc-types` that read format {format}, and record anew; \
         or let it pass unchecked with PUBLIC_API=0."
    )
    .into())
}

fn lines(api: &PublicApi) -> impl Iterator<Item = String> {
    api.items().map(ToString::to_string)
}
