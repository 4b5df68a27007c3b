-- Rows are named by numbers that are never used again, so that a number that somebody still knows means the same task
-- or none. `id` is the order of creation.
CREATE TABLE task (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uid          BLOB NOT NULL UNIQUE,
    status       TEXT NOT NULL,
    agent_id     TEXT NOT NULL,
    title_folded TEXT NOT NULL,
    snapshot     TEXT NOT NULL
) STRICT;

-- Two halves of one index: a task is in one of them, and the half that every start and every scheduler looks at stays
-- small. A query must repeat the condition word for word to use it.
CREATE INDEX task_open ON task (status) WHERE status IN ('pending', 'running', 'awaiting_input');
CREATE INDEX task_settled ON task (status) WHERE status IN ('completed', 'failed', 'cancelled', 'interrupted');
CREATE INDEX task_agent ON task (agent_id, status);

-- `pos` is the order of appending over all tasks, numbered by the writer together with `removed`: never used again.
CREATE TABLE event (
    pos  INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (task, seq)
) STRICT;

CREATE TABLE idempotency (
    key  TEXT NOT NULL PRIMARY KEY,
    task INTEGER NOT NULL,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_task ON idempotency (task);

-- How many tasks are in each state: counting rows would take longer with every task.
CREATE TABLE status_count (
    status TEXT NOT NULL PRIMARY KEY,
    tasks  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO status_count VALUES
    ('pending', 0), ('running', 0), ('awaiting_input', 0),
    ('completed', 0), ('failed', 0), ('cancelled', 0), ('interrupted', 0);

-- The newest removals, for other processes to learn of them.
CREATE TABLE removed (
    pos INTEGER PRIMARY KEY,
    uid BLOB NOT NULL
) STRICT;

-- Removed tasks whose events are still to be deleted, a piece at a time.
CREATE TABLE purge (
    task INTEGER PRIMARY KEY
) STRICT;

-- A row to write when there is nothing else to sync with.
CREATE TABLE sync_mark (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    marks INTEGER NOT NULL
) STRICT;
INSERT INTO sync_mark VALUES (1, 0);
