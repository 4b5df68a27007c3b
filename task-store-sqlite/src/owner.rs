use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use task_core::{InstanceId, StoreError};

use crate::blocking::lock;
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

    /// Makes `instance` the owner. Blocks, for as long as opening a small file takes.
    pub(crate) fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        let mut held = lock(&self.held);
        match &*held {
            Some(owner) if owner.instance == instance => return Ok(()),
            Some(owner) => return Err(StoreError::Owned { by: name(owner.instance) }),
            None => {}
        }
        let mut file = self.open()?;
        let locked = match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(StoreError::Owned { by: read_name(&mut file) }),
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        locked.doing("lock the owner's file")?;
        write_name(&mut file, instance).doing("write the owner's name")?;
        *held = Some(Held { instance, _file: file });
        Ok(())
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
