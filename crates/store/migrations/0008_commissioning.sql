-- Commissioning: what was seen when a detector was taken into service, the pictures of it, and what a day of values tells
-- about the wiring.
CREATE TABLE picture (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id         INTEGER NOT NULL REFERENCES site (id),
    detector_id     INTEGER REFERENCES detector (id),
    -- panel, label, wiring, other
    kind            TEXT NOT NULL,
    note            TEXT NOT NULL,
    media_type      TEXT NOT NULL,
    bytes           INTEGER NOT NULL,
    -- SHA-256, hexadecimal: the name of the file in the folder `pictures`.
    sha256          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    created_by      TEXT NOT NULL
);
CREATE INDEX picture_site ON picture (site_id, id);
CREATE INDEX picture_sha256 ON picture (sha256);

CREATE TABLE commissioning (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    detector_id INTEGER NOT NULL REFERENCES detector (id),
    at          INTEGER NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    INTEGER,
    actor_name  TEXT NOT NULL,
    -- passed, remarks
    result      TEXT NOT NULL,
    remarks     TEXT NOT NULL,
    -- JSON, version 1: the values as they were, the self-test, the pictures' ids.
    facts       TEXT NOT NULL,
    duration_s  INTEGER
);
CREATE INDEX commissioning_detector ON commissioning (detector_id, id);
CREATE INDEX commissioning_at ON commissioning (at);

CREATE TABLE wiring_check (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    detector_id INTEGER NOT NULL REFERENCES detector (id),
    at          INTEGER NOT NULL,
    from_at     INTEGER NOT NULL,
    until_at    INTEGER NOT NULL,
    automatic   BOOLEAN NOT NULL,
    asked_by    TEXT NOT NULL,
    -- How many mistakes were found.
    findings    INTEGER NOT NULL,
    -- JSON, version 1: every check with its outcome, and the suggested set value.
    report      TEXT NOT NULL
);
CREATE INDEX wiring_check_detector ON wiring_check (detector_id, id);
