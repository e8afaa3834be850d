-- What really came and went on the lines. A file of its own: it may lose, it may be deleted, and its
-- traffic must not stand in the way of the pipeline's commits.

CREATE TABLE telegram (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 0 while the other side has not said who it is.
    terminal_id INTEGER NOT NULL,
    remote      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    direction   TEXT NOT NULL,
    protocol    TEXT NOT NULL,
    bytes       BLOB NOT NULL,
    refused     BOOLEAN NOT NULL,
    reason      TEXT,
    clause      TEXT
);
CREATE INDEX telegram_terminal ON telegram (terminal_id, refused, id);
CREATE INDEX telegram_refused ON telegram (refused, id);
