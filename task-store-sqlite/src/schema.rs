//! The tables, how they came to be, and how connections are set up.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use task_store_writer::blocking::lock;

use crate::error::{Doing, Fault};
use crate::options::SqliteOptions;

/// The newest schema this version reads and the one it writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(crate) const SUPPORTED: i64 = MIGRATIONS.len() as i64;

/// Says that a file is ours: `atsk`.
const APPLICATION_ID: i64 = 0x6174_736b;

/// The step to each schema from the one before. Never change one that was released: add another.
pub(crate) const MIGRATIONS: &[&str] = &[include_str!("schema_v1.sql"), include_str!("schema_v2.sql")];

/// Opens the connection that writes; makes the file, its tables, or brings them up to date.
///
/// A file that is not ours, or that a newer version has written, is not touched.
pub(crate) fn open_writer(path: &Path, options: &SqliteOptions) -> Result<(PathBuf, Connection), Fault> {
    // One at a time in this process. While a file is being created it is opened for a moment without SQLite, and closing
    // it then would take the locks away that another connection of this process has on it.
    static OPENING: Mutex<()> = Mutex::new(());
    let _one = lock(&OPENING);

    let path = absolute(path)?;
    match path.metadata() {
        Ok(file) if file.len() > 0 => inspect(&path)?,
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path)?,
        Err(error) => return Err(error).doing("look at the database file"),
    }
    let mut connection = connect_writer(&path, options)?;
    migrate(&mut connection, MIGRATIONS)?;
    Ok((path, connection))
}

/// Opens the connection that writes, in a file that [`open_writer`] has seen.
pub(crate) fn connect_writer(path: &Path, options: &SqliteOptions) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).doing("open the database")?;
    connection.busy_timeout(options.busy_timeout).doing("set the busy timeout")?;
    configure(&connection)?;
    // The size of a page can only be chosen before there is one, so this means something in a new file alone.
    connection.pragma_update(None, "page_size", 8192).doing("set the page size")?;
    enter_wal(&connection, options.busy_timeout)?;
    // A larger cache is slower: where a tree was put in order, the engine looks through all of it at the commit, for pages
    // behind the end of the file.
    for (name, value) in [
        ("synchronous", 2),
        ("wal_autocheckpoint", 4000),
        ("journal_size_limit", 64 * MIB),
        ("cache_size", -16 * 1024),
        // As the bundled build has it, whichever library is linked.
        ("foreign_keys", 1),
    ] {
        connection.pragma_update(None, name, value).doing("configure a connection")?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn connect_reader(path: &Path, options: &SqliteOptions) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).doing("open the database for reading")?;
    connection.busy_timeout(options.busy_timeout).doing("set the busy timeout")?;
    configure(&connection)?;
    // Not mapped into memory, or a disk that fails would kill the process, and each row of a cold file would bring in all
    // that the system reads ahead of it.
    for (name, value) in [("mmap_size", 0), ("cache_size", -8 * 1024)] {
        connection.pragma_update(None, name, value).doing("configure a connection")?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// What holds for each connection.
fn configure(connection: &Connection) -> Result<(), Fault> {
    for option in [
        // A store that is dropped and not closed must not spend time on a checkpoint wherever it is dropped.
        DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
        // A plan does not depend on what is bound: the engine looked at the limit of a page to make one, and so made it
        // anew for each page.
        DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG,
    ] {
        connection.set_db_config(option, true).doing("configure a connection")?;
    }
    Ok(())
}

/// Moves everything into the database file and closes the connection as SQLite does by itself: the last one takes the
/// `-wal` and `-shm` files along.
pub(crate) fn close_writer(connection: Connection) -> Result<(), Fault> {
    // That others read meanwhile is no failure: it leaves a part of it to them.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .doing("move the log into the database")?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .doing("configure a connection")?;
    connection.close().map_err(|(_, error)| error).doing("close the database")
}

/// The schema a connection finds.
pub(crate) fn version(connection: &Connection) -> Result<i64, Fault> {
    connection
        .prepare_cached("PRAGMA user_version")
        .and_then(|mut query| query.query_row([], |row| row.get(0)))
        .doing("read the schema version")
}

/// The same file under every name: the locks of owners and later connections must not depend on the directory the
/// process is in, nor on links.
fn absolute(path: &Path) -> Result<PathBuf, Fault> {
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or(error).doing("find a file name in the path")?;
            let directory = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            Ok(directory.canonicalize().doing("find the directory of the database")?.join(name))
        }
        Err(error) => Err(error).doing("find the database"),
    }
}

/// Makes an empty file that only its owner may read: it will hold what people said. SQLite gives its `-wal` and `-shm`
/// files the same mode.
fn create(path: &Path) -> Result<(), Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).doing("create the database file"),
    }
}

/// Refuses a file that is not ours or too new, without a trace.
///
/// Through SQLite and not by reading the header: the newest header may be in the `-wal` file, and closing a file that
/// was opened otherwise would drop the locks of other connections of this process. Where there is no `-wal` file the
/// file is opened as immutable, which makes SQLite create neither a `-wal` nor a `-shm` file; otherwise it is in use or
/// was not closed, and reading it makes at most the `-shm` file that its next user would make.
fn inspect(path: &Path) -> Result<(), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let has_wal = Path::new(&wal).metadata().is_ok_and(|file| file.len() > 0);
    let connection = if has_wal {
        Connection::open_with_flags(path, flags)
    } else {
        Connection::open_with_flags(immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)
    }
    .doing("open the database")?;
    connection.busy_timeout(Duration::from_secs(5)).doing("set the busy timeout")?;
    let found = version(&connection)?;
    check(&connection, found, SUPPORTED)
}

/// Whether a file is ours, or still nobody's, and not too new.
fn check(connection: &Connection, found: i64, supported: i64) -> Result<(), Fault> {
    let application: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .doing("read the application of the database")?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .doing("read the schema of the database")?;
    match application {
        APPLICATION_ID if found > supported => Err(Fault::TooNew { found, supported }),
        APPLICATION_ID => Ok(()),
        0 if found == 0 && tables == 0 => Ok(()),
        _ => Err(Fault::damaged("the file is a database of something else, not a store of tasks")),
    }
}

fn immutable_uri(path: &Path) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec();
    #[cfg(not(unix))]
    let bytes =
        format!("/{}", path.to_string_lossy().trim_start_matches(r"\\?\").replace('\\', "/")).into_bytes();

    let mut uri = "file:".to_owned();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"/-._~:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// The first connection to a new file changes the file, and SQLite does not wait for another that does the same.
fn enter_wal(connection: &Connection, patience: Duration) -> Result<(), Fault> {
    let start = Instant::now();
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
            .doing("switch to a write-ahead log");
        match mode {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(_) => {
                return Err(Fault::Stopped("this file system cannot hold a database with a write-ahead log"));
            }
            Err(fault) if fault.is_busy() && start.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Brings the tables up to date, in one transaction: when several processes open a file for the first time, one of
/// them does it and the others find it done.
fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), Fault> {
    let target = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let found = version(connection)?;
    if found == target {
        return check(connection, found, target);
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin a migration")?;
    let found = version(&transaction)?;
    check(&transaction, found, target)?;
    for step in steps.iter().skip(usize::try_from(found).unwrap_or_default()) {
        transaction.execute_batch(step).doing("migrate the database")?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).doing("mark the database as ours")?;
    transaction.pragma_update(None, "user_version", target).doing("record the schema version")?;
    transaction.commit().doing("finish a migration")
}

const MIB: i64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn pragma(connection: &Connection, name: &str) -> i64 {
        connection.pragma_query_value(None, name, |row| row.get(0)).expect("the pragma has a value")
    }

    #[test]
    fn every_connection_is_set_up() {
        let place = tempfile::tempdir().expect("a directory");
        let options = SqliteOptions::default().with_busy_timeout(Duration::from_millis(1234));
        let (path, writer) = open_writer(&place.path().join("a.db"), &options).expect("opened");
        let reader = connect_reader(&path, &options).expect("opened");
        let mode: String = writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
        for (name, of_writer) in [
            ("application_id", APPLICATION_ID),
            ("busy_timeout", 1234),
            ("cache_size", -16384),
            ("foreign_keys", 1),
            ("journal_size_limit", 64 * MIB),
            ("page_size", 8192),
            ("synchronous", 2),
            ("user_version", SUPPORTED),
            ("wal_autocheckpoint", 4000),
        ] {
            assert_eq!(pragma(&writer, name), of_writer, "{name} of the writer");
        }
        for (name, of_reader) in [("busy_timeout", 1234), ("cache_size", -8192), ("mmap_size", 0)] {
            assert_eq!(pragma(&reader, name), of_reader, "{name} of a reader");
        }
        reader.execute("DELETE FROM task", []).expect_err("a reader cannot write");
    }

    #[test]
    fn an_older_schema_is_brought_up_to_date_step_by_step_and_once() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("a.db");
        create(&path).expect("made");
        let mut connection = connect_writer(&path, &SqliteOptions::default()).expect("opened");
        let (second, third) = ("CREATE TABLE step_2 (a ANY) STRICT", "DROP TABLE purge");
        migrate(&mut connection, &MIGRATIONS[..1]).expect("the first step");
        migrate(&mut connection, &[MIGRATIONS[0], second, "no SQL"]).expect_err("the last step fails");
        assert_eq!(version(&connection).expect("a version"), 1, "a migration is whole or not at all");
        for _ in 0..2 {
            migrate(&mut connection, &[MIGRATIONS[0], second, third]).expect("migrated");
            assert_eq!(version(&connection).expect("a version"), 3);
        }
    }

    #[test]
    fn any_path_becomes_a_uri() {
        let uri = immutable_uri(Path::new("/tmp/a b?c#d%/ü.db"));
        if cfg!(unix) {
            assert_eq!(uri, "file:/tmp/a%20b%3Fc%23d%25/%C3%BC.db?immutable=1");
        }
    }
}
