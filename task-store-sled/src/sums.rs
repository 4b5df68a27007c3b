//! What the engine's files were when it closed them.
//!
//! When it opens them the engine takes what it cannot read, or what is damaged, for the end of its log, and erases what
//! comes after: a bit that has turned would cost everything behind it, and nobody would be told. So a close leaves a sum
//! of every file, and an open looks at the files before the engine does. After a crash there are no sums, and it can only
//! be seen whether the files can be read.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use crate::disk::{replace_file, sync_directory};
use crate::error::{Doing, Fault};

/// Leaves sums of the files in `data`, which nobody has open. `path` is the directory of the store.
pub(crate) fn leave(path: &Path, data: &Path) -> Result<(), Fault> {
    let mut text = String::new();
    for file in files(data)? {
        let Sum { bytes, crc } = Sum::of(&file)?;
        text.push_str(&format!("{crc:08x} {bytes} {}\n", name(&file, data)));
    }
    let whole = crc32fast::hash(text.as_bytes());
    replace_file(path, SUMS, &format!("{text}{whole:08x} {WHOLE}\n"))
}

/// Compares the files in `data` with their sums, and reads them in any case. Then takes the sums away: from here on the
/// engine writes.
pub(crate) fn check(path: &Path, data: &Path) -> Result<(), Fault> {
    let sums = match fs::read_to_string(path.join(SUMS)) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        // No text: damaged itself, and of no use.
        Err(error) if error.kind() == ErrorKind::InvalidData => Some(String::new()),
        Err(error) => return Err(error).doing("read the sums of the database"),
    };
    let expected = sums.as_deref().and_then(parse);
    let mut found = Vec::new();
    for file in files(data)? {
        let (sum, name) = (Sum::of(&file)?, name(&file, data));
        if let Some(expected) = &expected
            && expected.iter().find(|(_, of)| *of == name).is_none_or(|(expected, _)| *expected != sum)
        {
            return Err(Fault::damaged(format!("{} is not as it was left", file.display())));
        }
        found.push(name);
    }
    let missing = expected.iter().flatten().find(|(_, name)| !found.iter().any(|found| found == name));
    if let Some((_, name)) = missing {
        return Err(Fault::damaged(format!("{} is not there any more", data.join(name).display())));
    }
    if sums.is_some() {
        fs::remove_file(path.join(SUMS)).doing("take the sums of the database away")?;
        sync_directory(path)?;
    }
    Ok(())
}

/// The sums in a file that is whole.
fn parse(text: &str) -> Option<Vec<(Sum, String)>> {
    let (lines, last) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let whole = crc32fast::hash(&text.as_bytes()[..=lines.len()]);
    if last != format!("{whole:08x} {WHOLE}") {
        return None;
    }
    let sum = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let crc = u32::from_str_radix(words.next()?, 16).ok()?;
        let bytes = words.next()?.parse().ok()?;
        Some((Sum { bytes, crc }, words.next()?.to_owned()))
    };
    lines.lines().map(sum).collect()
}

/// The engine's files, those in directories of it included, in the order of their names.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).doing("list the database")? {
        let path = entry.doing("list the database")?.path();
        if path.is_dir() {
            found.append(&mut files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(file: &Path, data: &Path) -> String {
    file.strip_prefix(data).unwrap_or(file).to_string_lossy().into_owned()
}

/// How many bytes, and their CRC-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum {
    bytes: u64,
    crc: u32,
}

impl Sum {
    fn of(file: &Path) -> Result<Self, Fault> {
        let read = || {
            let mut file = BufReader::with_capacity(BUFFER, File::open(file)?);
            let (mut bytes, mut crc) = (0, Hasher::new());
            loop {
                let read = match file.fill_buf() {
                    Ok([]) => return Ok(Self { bytes, crc: crc.finalize() }),
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                crc.update(read);
                let length = read.len();
                bytes += length as u64;
                file.consume(length);
            }
        };
        read().map_err(|error| Fault::Unreadable { file: file.to_owned(), cause: std::sync::Arc::new(error) })
    }
}

/// The file with the sums.
pub(crate) const SUMS: &str = "sums";

/// What the last line is the sum of.
const WHOLE: &str = "all of this";

const BUFFER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two files in a directory, one of them in a directory of its own, and their sums.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().expect("a directory");
        let data = place.path().join("data");
        fs::create_dir_all(data.join("inner")).expect("made");
        fs::write(data.join("one"), (0..100_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>())
            .expect("written");
        fs::write(data.join("inner/two"), "short").expect("written");
        leave(place.path(), &data).expect("left");
        (place, data)
    }

    #[test]
    fn what_is_as_it_was_left_passes_and_the_sums_are_gone() {
        let (place, data) = place();
        check(place.path(), &data).expect("as it was left");
        assert!(!place.path().join(SUMS).exists());
        fs::write(data.join("one"), "the engine may write now").expect("written");
        check(place.path(), &data).expect("nothing to compare it with");
    }

    #[test]
    fn every_bit_and_every_length_counts() {
        let (place, data) = place();
        let sums = fs::read(place.path().join(SUMS)).expect("there");
        let (one, two) = (data.join("one"), data.join("inner/two"));
        let whole = fs::read(&one).expect("there");
        for at in (0..whole.len()).step_by(4_999).chain([whole.len() - 1]) {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                fs::write(&one, &damaged).expect("damaged");
                let fault = check(place.path(), &data).expect_err("another bit");
                assert!(fault.to_string().contains("one is not as it was left"), "{fault}");
            }
        }
        for cut in [0, 512, whole.len() - 1] {
            fs::write(&one, &whole[..cut]).expect("damaged");
            check(place.path(), &data).expect_err("shorter");
        }
        fs::write(&one, &whole).expect("mended");
        fs::remove_file(&two).expect("removed");
        let fault = check(place.path(), &data).expect_err("missing");
        assert!(fault.to_string().contains("two is not there"), "{fault}");
        fs::write(&two, "short").expect("mended");
        fs::write(data.join("three"), "").expect("written");
        check(place.path(), &data).expect_err("one too many");
        fs::remove_file(data.join("three")).expect("removed");
        assert_eq!(
            fs::read(place.path().join(SUMS)).expect("still there"),
            sums,
            "a refusal touches nothing"
        );
        check(place.path(), &data).expect("as it was left");
    }

    #[test]
    fn sums_that_are_damaged_themselves_refuse_nothing() {
        let (place, data) = place();
        let sums = place.path().join(SUMS);
        let whole = fs::read(&sums).expect("there");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&sums, &damaged).expect("damaged");
            check(place.path(), &data).expect("the files are as they were left");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let (place, data) = place();
        // A directory cannot be read as a file, whoever tries.
        let fault = Sum::of(&data.join("inner")).expect_err("a directory");
        assert!(fault.to_string().ends_with("inner"), "{fault}");
        drop(place);
    }
}
