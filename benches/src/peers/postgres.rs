//! PostgreSQL with one INSERT an event, driven by its own `pgbench`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Server, eventually};
use crate::answer::{Result, verify};

/// A cluster of its own.
#[derive(Debug)]
pub(crate) struct Postgres {
    _server: Server,
    programs: PathBuf,
    // Last: it goes when the server is gone.
    place: tempfile::TempDir,
}

impl Postgres {
    /// Nothing, where it is not installed or cannot run. It refuses to run as root: then it runs as `postgres`.
    pub(crate) async fn start(place: tempfile::TempDir) -> Result<Option<Self>> {
        let Some(programs) = newest() else { return Ok(None) };
        let data = place.path().join("data");
        if rustix::process::geteuid().is_root() {
            let given = Command::new("chown").arg("postgres").arg(place.path()).status()?;
            verify(given.success(), || "there is no user postgres".to_owned())?;
            // A directory above may be closed to everybody else.
            let reached = quiet(Path::new("test")).arg("-w").arg(place.path()).status()?;
            if !reached.success() {
                return Ok(None);
            }
        }
        let made = quiet(&programs.join("initdb"))
            .args([
                OsStr::new("--auth=trust"),
                "--username=postgres".as_ref(),
                "--pgdata".as_ref(),
                data.as_ref(),
            ])
            .status()?;
        verify(made.success(), || "initdb has failed".to_owned())?;
        let mut command = quiet(&programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(place.path()).args(["-c", "listen_addresses="]);
        let postgres = Self { _server: Server::start(&mut command)?, programs, place };
        let table = "CREATE TABLE event (pos bigserial PRIMARY KEY, task bigint, seq bigint, data text)";
        eventually("postgres", || async { postgres.query(table).map(drop) }).await?;
        Ok(Some(postgres))
    }

    /// So many clients that insert one row after the other, for so long: rows a second.
    pub(crate) fn insert(&self, clients: usize, bytes: usize, time: Duration) -> Result<f64> {
        let script = self.place.path().join("insert.sql");
        let data = "x".repeat(bytes);
        std::fs::write(
            &script,
            format!("INSERT INTO event (task, seq, data) VALUES (:client_id, 1, '{data}');\n"),
        )?;
        self.query("TRUNCATE event")?;
        // It counts whole seconds, and begins with its connections.
        let seconds = time.as_secs().max(2).to_string();
        let output = Command::new(self.programs.join("pgbench"))
            .args([
                "--no-vacuum",
                "--jobs=2",
                "--protocol=prepared",
                "--username=postgres",
                "--time",
                &seconds,
            ])
            .args(["--client", &clients.to_string(), "--file"])
            .arg(&script)
            .arg("--host")
            .arg(self.place.path())
            .arg("postgres")
            .stderr(Stdio::null())
            .output()?;
        let said = String::from_utf8(output.stdout)?;
        let number = |what: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(what));
            line.and_then(|rest| rest.split([' ', '/']).next()?.parse::<f64>().ok())
                .ok_or_else(|| said.clone())
        };
        let (rate, rows) = (number("tps = ")?, number("number of transactions actually processed: ")?);
        let found: f64 = self.query("SELECT count(*) FROM event")?.trim().parse()?;
        verify(found == rows, || format!("{found} rows are there of {rows}"))?;
        Ok(rate)
    }

    fn query(&self, sql: &str) -> Result<String> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--username=postgres",
                "--command",
                sql,
                "--host",
            ])
            .arg(self.place.path())
            .arg("postgres")
            .output()?;
        verify(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())?;
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The programs of the newest version that Debian has installed.
fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    let places = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    places.filter(|place| place.join("initdb").is_file()).max()
}

/// The command, as the user it may run as.
fn quiet(program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
