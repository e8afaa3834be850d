-- Maintenance windows over an area, and windows that are changed: what they were before stands in the audit log.
CREATE TABLE maintenance_window_new (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    -- NULL: over an area.
    site_id         INTEGER REFERENCES site (id),
    -- Over an area: which, and of which organisations (NULL: of all).
    area_code       TEXT,
    organisation_id INTEGER REFERENCES organisation (id),
    -- domain::maintenance::WindowTarget; an area has no number.
    target_kind     TEXT NOT NULL,
    target_id       INTEGER,
    target_name     TEXT NOT NULL,
    starts_at       INTEGER NOT NULL,
    ends_at         INTEGER NOT NULL,
    -- Comes back each week until then.
    weekly_until    INTEGER,
    covers_alarms   BOOLEAN NOT NULL,
    reason          TEXT NOT NULL,
    made_by         TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    -- Ended by a person before its time.
    ended_at        INTEGER,
    ended_by        TEXT,
    -- Rises with every change.
    version         INTEGER NOT NULL DEFAULT 1,
    changed_at      INTEGER,
    changed_by      TEXT
);
INSERT INTO maintenance_window_new (id, site_id, target_kind, target_id, target_name, starts_at, ends_at, weekly_until,
        covers_alarms, reason, made_by, created_at, ended_at, ended_by)
    SELECT id, site_id, target_kind, target_id, target_name, starts_at, ends_at, weekly_until, covers_alarms, reason,
        made_by, created_at, ended_at, ended_by FROM maintenance_window;
DROP TABLE maintenance_window;
ALTER TABLE maintenance_window_new RENAME TO maintenance_window;
CREATE INDEX maintenance_window_site ON maintenance_window (site_id, id);
