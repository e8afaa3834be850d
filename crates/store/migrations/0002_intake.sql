-- What the pipeline writes in one transaction. No foreign keys here: the pipeline knows its detectors,
-- and a check per row would be paid for every reading.

CREATE TABLE reading (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    detector_id INTEGER NOT NULL,
    grp         INTEGER NOT NULL,
    filed_at    INTEGER NOT NULL,
    device_at   INTEGER,
    received_at INTEGER NOT NULL,
    -- domain::reading::Filing::stored
    filing      INTEGER NOT NULL,
    -- Versioned, see store::payload.
    payload     BLOB NOT NULL
);
CREATE UNIQUE INDEX reading_moment ON reading (detector_id, grp, filed_at);
-- Late and wrongly clocked readings are few, and do not come in the order of their time.
CREATE INDEX reading_not_current ON reading (detector_id, seq) WHERE filing <> 0;

-- Which groups a detector has ever sent, so that its newest reading per group is one seek away.
CREATE TABLE reading_group (
    detector_id INTEGER NOT NULL,
    grp         INTEGER NOT NULL,
    PRIMARY KEY (detector_id, grp)
) WITHOUT ROWID;

-- When a detector was last heard at all; beside `detector` because it is written so much more often.
CREATE TABLE heard (
    detector_id INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL
);

CREATE TABLE detector_state (
    detector_id INTEGER PRIMARY KEY,
    state       BLOB NOT NULL
);

CREATE TABLE alarm (
    id                 INTEGER PRIMARY KEY,
    site_id            INTEGER NOT NULL,
    detector_id        INTEGER NOT NULL,
    channel_id         INTEGER NOT NULL,
    circuit_id         INTEGER,
    hazard             TEXT NOT NULL,
    class              TEXT NOT NULL,
    -- 1 fault, 2 warning, 3 alarm: rising urgency, so that it sorts.
    severity           INTEGER NOT NULL,
    worst_severity     INTEGER NOT NULL,
    state              TEXT NOT NULL,
    raised_at          INTEGER NOT NULL,
    returned_at        INTEGER,
    acknowledged_at    INTEGER,
    acknowledged_by    TEXT,
    acknowledged_by_id INTEGER,
    closed_at          INTEGER,
    close_reason       TEXT,
    late               BOOLEAN NOT NULL,
    reported_by_device BOOLEAN NOT NULL,
    latching           BOOLEAN NOT NULL,
    limit_value        REAL,
    current_value      REAL,
    current_at         INTEGER,
    worst_value        REAL,
    worst_at           INTEGER,
    version            INTEGER NOT NULL
);
-- Invariant 3: at most one open alarm per channel and hazard.
CREATE UNIQUE INDEX alarm_one_open ON alarm (channel_id, hazard) WHERE state <> 'closed';
CREATE INDEX alarm_open ON alarm (severity, raised_at) WHERE state <> 'closed';
CREATE INDEX alarm_raised ON alarm (raised_at);
CREATE INDEX alarm_detector ON alarm (detector_id, raised_at);
CREATE INDEX alarm_site ON alarm (site_id, raised_at);
CREATE INDEX alarm_site_open ON alarm (site_id) WHERE state <> 'closed';

CREATE TABLE alarm_transition (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm_id   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    event      TEXT NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    severity   INTEGER NOT NULL,
    value      REAL,
    actor_kind TEXT NOT NULL,
    actor_id   INTEGER,
    actor_name TEXT,
    reason     TEXT,
    comment    TEXT
);
CREATE INDEX alarm_transition_alarm ON alarm_transition (alarm_id, id);

-- What must be told to someone, decided in the transaction that raised it (invariant 10).
CREATE TABLE outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm_id INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    payload  TEXT NOT NULL,
    done_at  INTEGER
);
CREATE INDEX outbox_waiting ON outbox (id) WHERE done_at IS NULL;

-- Roll-ups: raw integers of the channel, good values only.
CREATE TABLE rollup (
    channel_id INTEGER NOT NULL,
    -- Width of the bucket, s: 900, 3600 or 86400.
    step_s     INTEGER NOT NULL,
    -- Begin of the bucket, a multiple of the width since 1970 UTC, ms.
    bucket     INTEGER NOT NULL,
    min        INTEGER NOT NULL,
    max        INTEGER NOT NULL,
    sum        INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, step_s, bucket)
) WITHOUT ROWID;

-- How far the roll-up has read, per shard of detectors (detector_id modulo the number of shards).
CREATE TABLE rollup_cursor (
    shard INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL
);
