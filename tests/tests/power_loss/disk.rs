use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk that can be torn off: a file system in a sparse file.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    at: PathBuf,
}

/// A disk that is mounted, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mount<'disk> {
    disk: &'disk Disk,
    mounted: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum FileSystem {
    Ext4,
    Xfs,
}

impl Disk {
    /// A new disk, whose files are in a directory.
    pub(crate) fn make(system: FileSystem, place: &Path) -> Self {
        let disk = Self { image: place.join("image"), at: place.join("at") };
        let image = File::create(&disk.image).expect("an image");
        image.set_len(BYTES).expect("a sparse image");
        fs::create_dir(&disk.at).expect("a directory");
        match system {
            FileSystem::Ext4 => run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image)),
            FileSystem::Xfs => run(Command::new("mkfs.xfs").args(["-q", "-f"]).arg(&disk.image)),
        }
        // That of the rig itself is no part of what is tested.
        image.sync_all().expect("synced");
        disk
    }

    /// Mounts it, which replays the journal of the file system.
    pub(crate) fn mount(&self) -> Mount<'_> {
        run(Command::new("mount").args(["-o", "loop"]).args([&self.image, &self.at]));
        Mount { disk: self, mounted: true }
    }
}

impl Mount<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.disk.at
    }

    /// Cuts the power: what was not given to the disk so far never will be.
    pub(crate) fn cut(&self) {
        // Without `-f`, which would write the journal of the file system before.
        run(Command::new("xfs_io").args(["-x", "-c", "shutdown"]).arg(&self.disk.at));
        let after = File::create(self.disk.at.join("after the cut")).and_then(|file| file.sync_all());
        assert!(after.is_err(), "the disk still takes what is written");
    }

    /// Nobody may use it any more.
    pub(crate) fn unmount(mut self) {
        run(Command::new("umount").arg(&self.disk.at));
        self.mounted = false;
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        if self.mounted {
            // Also when somebody uses it: it goes when the last one does.
            Command::new("umount").arg("--lazy").arg(&self.disk.at).status().ok();
        }
    }
}

/// Whether a file has the flag that `chattr +S` sets.
pub(crate) fn is_synced_by_each_write(file: &Path) -> bool {
    let done = Command::new("lsattr").arg(file).output().expect("it starts");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    said.split_whitespace().next().is_some_and(|flags| flags.contains('S'))
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        })
    }
}

fn run(command: &mut Command) {
    let done = command.output().expect("it starts");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Far more than is written, as nothing is to fail for want of room; and nothing of it is taken before.
const BYTES: u64 = 4 << 30;
