-- Commands to devices: what was asked, where it stands, every step of the way; and limits that were tried on the past.
ALTER TABLE site ADD COLUMN two_person_switching BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE command_batch (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    code       TEXT NOT NULL,
    value      REAL,
    unit       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   INTEGER,
    actor_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    stopped_at INTEGER,
    total      INTEGER NOT NULL
);

CREATE TABLE command (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id         INTEGER REFERENCES command_batch (id),
    detector_id      INTEGER NOT NULL,
    terminal_id      INTEGER NOT NULL,
    kind             TEXT NOT NULL,
    code             TEXT NOT NULL,
    name             TEXT NOT NULL,
    value            REAL,
    unit             TEXT NOT NULL,
    -- domain::command::Plan as JSON, with its version.
    plan             TEXT NOT NULL,
    idempotent       BOOLEAN NOT NULL,
    verify_within_ms INTEGER,
    reason           TEXT NOT NULL,
    actor_kind       TEXT NOT NULL,
    actor_id         INTEGER,
    actor_name       TEXT NOT NULL,
    approved_by      TEXT,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    -- Derived from the transitions, written in the same transaction with each of them.
    state            TEXT NOT NULL,
    verify_by        INTEGER,
    open             BOOLEAN NOT NULL,
    attempts         INTEGER NOT NULL,
    outcome          TEXT,
    detail           TEXT NOT NULL,
    -- The words that were read, as a JSON array.
    result           TEXT,
    changed_at       INTEGER NOT NULL
);
CREATE INDEX command_detector ON command (detector_id, id);
CREATE INDEX command_batch_command ON command (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX command_open ON command (terminal_id, id) WHERE open;

CREATE TABLE command_transition (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    command_id INTEGER NOT NULL REFERENCES command (id),
    at         INTEGER NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    outcome    TEXT,
    detail     TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   INTEGER,
    actor_name TEXT NOT NULL
);
CREATE INDEX command_transition_command ON command_transition (command_id, id);

CREATE TABLE what_if (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    INTEGER,
    detector_id INTEGER NOT NULL,
    channel_id  INTEGER,
    hazard      TEXT NOT NULL,
    -- domain::settings::LimitPatch as JSON.
    own         TEXT NOT NULL
);
CREATE INDEX what_if_at ON what_if (at);
