use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

/// Runs a test in namespaces of its own, as another process: this test again.
///
/// When that process ends, however it ends, the system kills what it has started and takes back its mounts and loop
/// devices; and it ends when this one does. In a namespace that others share, a process elsewhere could keep alive what
/// was shut down.
pub(crate) fn inside(test: &str, work: impl FnOnce()) {
    if std::env::var_os(PLACE).is_some() {
        return work();
    }
    if let Some(missing) = missing() {
        let required = std::env::var("REQUIRE_RIGS").is_ok_and(|required| required == "1");
        assert!(!required, "the power cannot be cut here: {missing}");
        println!("NOT RUN, the power cannot be cut here: {missing}");
        return;
    }
    // Here, as what is inside may not come to remove it.
    let place = tempfile::tempdir().expect("a directory");
    let mut command = isolated();
    command.arg(std::env::current_exe().expect("a test has a file"));
    command.args(["--exact", test, "--nocapture", "--include-ignored"]).env(PLACE, place.path());
    let mut process = Process(command.spawn().expect("it starts"));
    let status = process.0.wait().expect("it ends");
    assert!(status.success(), "the test failed: {status}");
}

/// A directory outside of the disks that are cut off.
pub(crate) fn place() -> PathBuf {
    std::env::var_os(PLACE).expect("this runs inside").into()
}

/// Ends the process when the test is over, however it ends.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What the rig needs and does not have.
fn missing() -> Option<String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return Some("it takes root".to_owned());
    }
    let lacks = |program: &&&str| !is_program(program);
    let lacking: Vec<_> = PROGRAMS.iter().filter(lacks).copied().collect();
    if !lacking.is_empty() {
        return Some(format!("there is no {}", lacking.join(", no ")));
    }
    // Everything is there, and yet a container may not be allowed to use it.
    let place = tempfile::tempdir().expect("a directory");
    let tried = isolated().args(["sh", "-e", "-c", TRY]).current_dir(place.path()).output();
    match tried {
        Ok(tried) if tried.status.success() => None,
        Ok(tried) => Some(String::from_utf8_lossy(&tried.stderr).trim().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// A command that runs what is appended to it in namespaces of its own, and that ends with this thread.
fn isolated() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "SIGKILL", "unshare", "--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
    command
}

/// Tells the test inside that it is, and where it may put its files.
const PLACE: &str = "POWER_LOSS_INSIDE";

const PROGRAMS: &[&str] =
    &["lsattr", "mkfs.ext4", "mkfs.xfs", "mount", "setpriv", "umount", "unshare", "xfs_io"];

const TRY: &str = "
    mkdir at
    truncate -s 512M image
    mkfs.ext4 -q -F image
    mount -o loop image at
    umount at
    mkfs.xfs -q -f image
    mount -o loop image at
    xfs_io -x -c shutdown at
    umount at
";
