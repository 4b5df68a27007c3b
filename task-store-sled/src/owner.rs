use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::Mutex;

use task_core::{InstanceId, StoreError};
use task_store_writer::blocking::lock;

use crate::error::{Doing, Fault};

/// That this process alone has the directory open: a lock of the operating system on a file in it.
///
/// The engine has a lock of its own and takes it late, after it has written files and with an error that can only be
/// told from others by its text. This one goes first, says who has it, and goes with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a directory.
    pub(crate) fn take(directory: &Path) -> Result<Self, Fault> {
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is held, the name in it is that of another.
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(directory.join(FILE)).doing("open the lock of the store")?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let by =
                    format!("{}; sled allows one process at a time, and that once", read_name(&mut file));
                return Err(Fault::Owned { by });
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        }
        .doing("lock the store")?;
        write_name(&mut file).doing("write the name of this process")?;
        Ok(Self { _file: file })
    }
}

/// Who of this process may run tasks. Others cannot have the store open, so there is nobody else to ask.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    held: Mutex<Option<InstanceId>>,
}

impl Owner {
    pub(crate) fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        let mut held = lock(&self.held);
        match *held {
            Some(owner) if owner != instance => Err(StoreError::Owned { by: name(owner) }),
            _ => {
                *held = Some(instance);
                Ok(())
            }
        }
    }

    pub(crate) fn check(&self, instance: InstanceId) -> Result<(), StoreError> {
        match *lock(&self.held) {
            Some(owner) if owner == instance => Ok(()),
            Some(owner) => Err(StoreError::Owned { by: name(owner) }),
            None => Err(StoreError::Owned { by: "nobody".to_owned() }),
        }
    }

    pub(crate) fn release(&self, instance: InstanceId) {
        lock(&self.held).take_if(|owner| *owner == instance);
    }
}

fn name(instance: InstanceId) -> String {
    format!("process {} (instance {instance})", std::process::id())
}

fn write_name(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("process {}", std::process::id()).as_bytes())?;
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

/// The name of the file, which stays when nobody has the lock: removing it while another waits for it would give two of
/// them a lock on two files of one name.
pub(crate) const FILE: &str = "lock";
