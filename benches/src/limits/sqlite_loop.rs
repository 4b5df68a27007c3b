//! The rows of a log, read by the engine alone: no pages, no events, no stream.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::answer::Result;

/// Reads every row of the only long log of a file, and gives how many there were and how many bytes of data. `mapped`: from
/// the file in memory, which the store does not do, as a disk that fails would kill the process.
pub(crate) fn read_all(file: &Path, mapped: bool) -> Result<(u64, u64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.pragma_update(None, "mmap_size", if mapped { 1_i64 << 30 } else { 0 })?;
    // As the store asks for them.
    let sql = "SELECT found.seq, at, kind, data FROM (
            SELECT seq, pos FROM place WHERE task = 1 AND seq > 0
            UNION ALL
            SELECT seq, pos FROM recent_place WHERE task = 1 AND seq > 0
        ) AS found CROSS JOIN event ON event.pos = found.pos ORDER BY found.seq";
    let mut query = connection.prepare(sql)?;
    let mut rows = query.query([])?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        let (_seq, _at): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (_kind, data) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        count += 1;
        bytes += data.len() as u64;
    }
    Ok((count, bytes))
}
