//! The directory: what is in it, which version has written it, and how it is made so that a power cut cannot leave
//! something that is neither there nor not there.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::disk::{NEW, create_directory, replace_file, sync_directory, sync_each_write};
use crate::error::{Doing, Fault, guarded};
use crate::options::{DurabilityPolicy, SledOptions};
use crate::owner::{self, Lock};
use crate::sums;

/// The newest schema this version reads, and the one it writes.
pub(crate) const SUPPORTED: i64 = 1;

/// A directory that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) db: sled::Db,
    /// The file with the data, to sync what the engine has written: it does not do that itself.
    pub(crate) file: File,
    pub(crate) lock: Lock,
}

/// Opens the store in a directory, or makes it.
pub(crate) fn open(path: &Path, options: &SledOptions) -> Result<Opened, Fault> {
    let created = create_directory(path)?;
    let path = fs::canonicalize(path).doing("find the directory")?;
    if created && let Some(parent) = path.parent() {
        sync_directory(parent)?;
    }
    // Once before anything is touched, the lock included, and once more when nobody else can.
    read_version(&path)?;
    let lock = Lock::take(&path)?;
    let data = path.join(DATA);
    let version = read_version(&path)?;
    match version {
        Version::Ready if data.join(DB).is_file() => {
            sums::check(&path, &data)?;
            remove_unfinished(&data)?;
        }
        Version::Ready => return Err(Fault::damaged(format!("{} has no database", path.display()))),
        Version::None | Version::Creating => {
            write_version(&path, Version::Creating)?;
            // Nothing was acknowledged before the version said that it is ready.
            if data.exists() {
                fs::remove_dir_all(&data).doing("remove a database that was not finished")?;
            }
            create_directory(&data)?;
        }
    }

    let config = sled::Config::new().path(&data).cache_capacity(options.cache_bytes);
    // Whatever is in the files, the engine panics rather than return an error.
    let db = guarded("open the database", || config.open())?.doing("open the database")?;
    // Also when it was there before: the engine has just replaced some files without syncing their directory.
    for entry in fs::read_dir(&data).doing("list the database")? {
        let entry = entry.doing("list the database")?.path();
        if entry.is_file() {
            File::open(&entry).and_then(|file| file.sync_all()).doing("sync a file of the database")?;
        }
    }
    sync_directory(&data.join(BLOBS))?;
    sync_directory(&data)?;
    if !matches!(version, Version::Ready) {
        write_version(&path, Version::Ready)?;
    }
    let file =
        OpenOptions::new().read(true).write(true).open(data.join(DB)).doing("open the file to sync")?;
    if options.durability == DurabilityPolicy::Durable && !sync_each_write(&file) {
        tracing::debug!(path = %path.display(), "the file system does not sync each write");
    }
    Ok(Opened { path, db, file, lock })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// There is nothing yet.
    None,
    /// The database is being made.
    Creating,
    /// The database is there.
    Ready,
}

/// What is in a directory. Touches nothing.
fn read_version(path: &Path) -> Result<Version, Fault> {
    let text = match fs::read(path.join(VERSION)) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return if is_empty(path)? {
                Ok(Version::None)
            } else {
                Err(Fault::damaged(format!("{} holds something that is no store", path.display())))
            };
        }
        Err(error) => return Err(error).doing("read the version of the store"),
    };
    let words: Vec<_> = text.split_whitespace().collect();
    let (version, state) = match words[..] {
        [NAME, version] => (version, Version::Ready),
        [NAME, version, CREATING] => (version, Version::Creating),
        _ => return Err(Fault::damaged(format!("{} has a version that is none", path.display()))),
    };
    match version.parse() {
        Ok(SUPPORTED) => Ok(state),
        Ok(found) if found > SUPPORTED => Err(Fault::TooNew { found, supported: SUPPORTED }),
        _ => Err(Fault::damaged(format!("{} has a version that is none", path.display()))),
    }
}

/// Whether there is nothing but what an open leaves that came no further.
fn is_empty(path: &Path) -> Result<bool, Fault> {
    for entry in fs::read_dir(path).doing("list the directory")? {
        let name = entry.doing("list the directory")?.file_name();
        if name != owner::FILE && name != *format!("{VERSION}{NEW}") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_version(path: &Path, version: Version) -> Result<(), Fault> {
    let text = match version {
        Version::Creating => format!("{NAME} {SUPPORTED} {CREATING}\n"),
        Version::None | Version::Ready => format!("{NAME} {SUPPORTED}\n"),
    };
    replace_file(path, VERSION, &text)
}

/// The engine takes a summary of its log that it could not finish for one that is damaged, and never opens again. The
/// log has everything that is in it.
fn remove_unfinished(data: &Path) -> Result<(), Fault> {
    for entry in fs::read_dir(data).doing("list the database")? {
        let path = entry.doing("list the database")?.path();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            fs::remove_file(&path).doing("remove a file that was not finished")?;
        }
    }
    Ok(())
}

/// The names of files: ours, and those of the engine.
const VERSION: &str = "version";
pub(crate) const DATA: &str = "data";
const DB: &str = "db";
const BLOBS: &str = "blobs";
const UNFINISHED: &str = "generating";

/// The words in the version file.
const NAME: &str = "task-store-sled";
const CREATING: &str = "creating";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_whose_making_was_interrupted_is_made_anew() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("tasks");
        drop(open(&path, &SledOptions::default()).expect("made"));
        write_version(&path, Version::Creating).expect("written");
        // One failed write while it is made, and the engine never opens it again.
        fs::write(path.join(DATA).join("conf"), [0; 100]).expect("written");
        drop(open(&path, &SledOptions::default()).expect("made anew"));
        assert_eq!(read_version(&path).expect("readable"), Version::Ready);
    }

    #[test]
    fn a_database_that_is_gone_is_not_made_anew() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("tasks");
        drop(open(&path, &SledOptions::default()).expect("made"));
        fs::remove_file(path.join(DATA).join(DB)).expect("removed");
        assert!(matches!(open(&path, &SledOptions::default()), Err(Fault::Damaged { .. })));
        assert!(!path.join(DATA).join(DB).exists());
    }
}
