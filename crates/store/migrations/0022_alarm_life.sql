-- Alarms that are set aside, what they were in truth, maintenance windows, and what was told to operators and when.

-- domain::alarm::Aside: shelved, maintenance or design; until when (never for design), why (the cause's hazard for design),
-- by whom.
ALTER TABLE alarm ADD COLUMN aside TEXT;
ALTER TABLE alarm ADD COLUMN aside_since INTEGER;
ALTER TABLE alarm ADD COLUMN aside_until INTEGER;
ALTER TABLE alarm ADD COLUMN aside_reason TEXT;
ALTER TABLE alarm ADD COLUMN aside_by TEXT;
-- domain::alarm::Verdict, and what the person added.
ALTER TABLE alarm ADD COLUMN verdict TEXT;
ALTER TABLE alarm ADD COLUMN verdict_note TEXT;
CREATE INDEX alarm_aside ON alarm (aside) WHERE aside IS NOT NULL;
-- The false-alarm rate and the time to acknowledge are read from these alone.
CREATE INDEX alarm_judged ON alarm
    (raised_at, site_id, detector_id, hazard, worst_severity, late, acknowledged_at, verdict);

CREATE TABLE maintenance_window (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id       INTEGER NOT NULL REFERENCES site (id),
    -- domain::maintenance::WindowTarget
    target_kind   TEXT NOT NULL,
    target_id     INTEGER NOT NULL,
    target_name   TEXT NOT NULL,
    starts_at     INTEGER NOT NULL,
    ends_at       INTEGER NOT NULL,
    -- Comes back each week until then.
    weekly_until  INTEGER,
    covers_alarms BOOLEAN NOT NULL,
    reason        TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    -- Ended by a person before its time.
    ended_at      INTEGER,
    ended_by      TEXT
);
CREATE INDEX maintenance_window_site ON maintenance_window (site_id, id);

-- What operators were told: one row for each time that an alarm asked for attention. A projection of the outbox that
-- stays, in the order of time, with all that the metrics count by. No foreign keys: the pipeline writes it.
CREATE TABLE annunciation (
    -- Server's clock.
    at          INTEGER NOT NULL,
    alarm_id    INTEGER NOT NULL,
    -- The kind of the outbox entry.
    kind        TEXT NOT NULL,
    site_id     INTEGER NOT NULL,
    detector_id INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL,
    hazard      TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    PRIMARY KEY (at, alarm_id, kind)
) WITHOUT ROWID;
INSERT OR IGNORE INTO annunciation (at, alarm_id, kind, site_id, detector_id, channel_id, hazard, severity)
    SELECT t.at, a.id, 'alarm_' || t.event, a.site_id, a.detector_id, a.channel_id, a.hazard, t.severity
    FROM alarm_transition t JOIN alarm a ON a.id = t.alarm_id
    WHERE t.event IN ('raised', 'escalated') AND NOT a.late;
