use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use task_core::{InstanceId, StoreError};
use task_store_writer::blocking::lock;

use crate::error::Doing;

/// Who may run tasks: whoever holds a lock of the operating system on a file beside the database.
///
/// The lock goes with the process, however that ends, so its successor need not wait for anything to expire. The file
/// stays: removing it while another process waits for its lock would give two of them a lock on two files of one name.
/// Child processes do not inherit it, as Rust opens files close-on-exec.
#[derive(Debug)]
pub(crate) struct Owner {
    path: PathBuf,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    instance: InstanceId,
    /// Holds the lock for as long as it is open.
    _file: File,
}

impl Owner {
    /// The lock that belongs to a database.
    pub(crate) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(".owner");
        Self { path: path.into(), held: Mutex::default() }
    }

    /// Makes `instance` the owner. Blocks, for as long as opening a small file takes, and a moment more where another
    /// process holds the lock: one that only looks whether somebody does, gives it back at once.
    pub(crate) fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.claim_again_after(instance, || std::thread::sleep(MOMENT))
    }

    fn claim_again_after(&self, instance: InstanceId, mut pause: impl FnMut()) -> Result<(), StoreError> {
        if self.holder() == Some(instance) {
            return Ok(());
        }
        let mut file = self.open()?;
        for look in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if self.holder().is_none() && look < LOOKS => pause(),
                Err(TryLockError::WouldBlock) => {
                    let by = self.holder().map_or_else(|| read_name(&mut file), name);
                    return Err(StoreError::Owned { by });
                }
                Err(TryLockError::Error(error)) => return Err(error).doing("lock the owner's file")?,
            }
        }
        write_name(&mut file, instance).doing("write the owner's name")?;
        *lock(&self.held) = Some(Held { instance, _file: file });
        Ok(())
    }

    /// The owner in this process.
    fn holder(&self) -> Option<InstanceId> {
        lock(&self.held).as_ref().map(|held| held.instance)
    }

    pub(crate) fn check(&self, instance: InstanceId) -> Result<(), StoreError> {
        match &*lock(&self.held) {
            Some(owner) if owner.instance == instance => Ok(()),
            Some(owner) => Err(StoreError::Owned { by: name(owner.instance) }),
            None => Err(StoreError::Owned { by: "nobody this process knows".to_owned() }),
        }
    }

    pub(crate) fn release(&self, instance: InstanceId) {
        lock(&self.held).take_if(|owner| owner.instance == instance);
    }

    pub(crate) fn close(&self) {
        lock(&self.held).take();
    }

    fn open(&self) -> Result<File, StoreError> {
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is held, the name in it is that of another.
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(options.open(&self.path).doing("open the owner's file")?)
    }
}

fn name(instance: InstanceId) -> String {
    format!("process {} (instance {instance})", std::process::id())
}

fn write_name(file: &mut File, instance: InstanceId) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(name(instance).as_bytes())?;
    file.flush()
}

/// What the owner has written, if it has and if it can be read while it holds the lock.
fn read_name(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(200).read_to_string(&mut text));
    let text = text.trim();
    if read.is_err() || text.is_empty() {
        "a process that did not tell its name".to_owned()
    } else {
        text.to_owned()
    }
}

/// How often a lock is tried that another process holds, and how long apart.
const LOOKS: u32 = 4;
const MOMENT: Duration = Duration::from_millis(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_only_looks_whether_there_is_an_owner_is_in_nobodys_way() {
        let place = tempfile::tempdir().expect("a directory");
        let [one, other] = [0; 2].map(|_| Owner::of(&place.path().join("a.db")));
        let (looks, starts) = (InstanceId::new(), InstanceId::new());
        one.claim(looks).expect("nobody has it");
        other.claim_again_after(starts, || one.release(looks)).expect("it was given back");
        other.check(starts).expect("it is the owner");

        let mut pauses = 0;
        let refused = one.claim_again_after(looks, || pauses += 1).expect_err("the other stays");
        assert!(matches!(refused, StoreError::Owned { by } if by.contains(&starts.to_string())));
        assert_eq!(pauses, LOOKS - 1);
        other.claim(starts).expect("again, by the owner");
    }
}
