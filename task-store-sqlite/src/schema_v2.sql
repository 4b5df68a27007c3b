-- Where the events of a task are, in two parts: nearly every commit of a batch is of another task, and would write a page
-- of one large index. What is new is noted in the small one, and moved on to the large one many at a time.
CREATE TABLE place (
    task INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    pos  INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
) STRICT, WITHOUT ROWID;

-- Of each task it has the last events, all behind those in `place`.
CREATE TABLE recent_place (
    task INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    pos  INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO place SELECT task, seq, pos FROM event ORDER BY task, seq;

-- Without the index that stood for both.
ALTER TABLE event RENAME TO event_1;
CREATE TABLE event (
    pos  INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
INSERT INTO event SELECT * FROM event_1 ORDER BY pos;
DROP TABLE event_1;
