-- Looking for the circuit that leaks: breakers were switched off one by one, and the residual current was read before and
-- after each. Kept as evidence and never changed.
CREATE TABLE walk (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    detector_id INTEGER NOT NULL REFERENCES detector (id),
    -- The channel of residual current that was read.
    channel_id  INTEGER NOT NULL,
    -- The alarm that it was about, if any.
    alarm_id    INTEGER,
    actor_kind  TEXT NOT NULL,
    actor_id    INTEGER,
    actor_name  TEXT NOT NULL,
    began_at    INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    kept_at     INTEGER NOT NULL,
    -- JSON, version 1: each step with its breaker, its readings and times, and what the server concluded from them.
    body        TEXT NOT NULL
);
CREATE INDEX walk_detector ON walk (detector_id, id);
-- A walk that is sent twice is kept once.
CREATE UNIQUE INDEX walk_once ON walk (detector_id, actor_kind, actor_id, began_at);
