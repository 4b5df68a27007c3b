//! Files and directories as they survive a power cut.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::error::{Doing, Fault};

/// Replaces a file as a whole, and comes back when a power cut cannot undo it.
pub(crate) fn replace_file(path: &Path, name: &str, text: &str) -> Result<(), Fault> {
    let new = path.join(format!("{name}{NEW}"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> io::Result<()> {
        let mut file = options.open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path.join(name))
    };
    write().doing("replace a file of the store")?;
    sync_directory(path)
}

/// Readable by its owner alone, and with it everything in it. Gives whether it was not there before.
pub(crate) fn create_directory(path: &Path) -> Result<bool, Fault> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Fault::damaged_by(format!("{} is no directory", path.display()), error))
        }
        Err(error) => Err(error).doing("create the directory"),
    }
}

/// What is in a directory is safe only when the directory is. Where a directory cannot be opened as a file, the system
/// does that by itself or not at all.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Fault> {
    if cfg!(unix) {
        File::open(path).and_then(|directory| directory.sync_all()).doing("sync a directory")?;
    }
    Ok(())
}

/// Has whatever is written to the file synced before the write returns, whoever writes it, where the file system can do
/// that. Gives whether it can.
///
/// The engine counts as safe what the operating system has taken, and notes so in what it writes next. Of that the disk may
/// have the note and not what it is about, and a log with such a gap in it cannot be opened at all.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn sync_each_write(file: &File) -> bool {
    let set =
        rustix::fs::ioctl_getflags(file).and_then(|flags| rustix::fs::ioctl_setflags(file, flags | SYNC));
    set.is_ok()
}

/// Elsewhere there is no such thing.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn sync_each_write(_: &File) -> bool {
    false
}

/// `FS_SYNC_FL` of Linux, which `chattr +S` sets.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SYNC: rustix::fs::IFlags = rustix::fs::IFlags::from_bits_retain(8);

/// Behind the name of a file that is to replace another.
pub(crate) const NEW: &str = ".new";
