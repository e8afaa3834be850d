-- Guidance (docs/guidance.md): what organisations wrote over the program's own texts, and what was ticked off on alarms.
CREATE TABLE guidance_text (
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    hazard          TEXT NOT NULL,
    -- zh-CN, zh-TW, en
    language        TEXT NOT NULL,
    -- JSON, version 1: the lines for the owner and for the electrician; NULL after it was taken back.
    body            TEXT,
    changed_at      INTEGER NOT NULL,
    changed_by      TEXT NOT NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (organisation_id, hazard, language)
) WITHOUT ROWID;

-- Each tick, and each that was taken back; the newest of a place holds. Never changed.
CREATE TABLE alarm_check (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm_id   INTEGER NOT NULL,
    -- Place of the line in the check list, from 1.
    place      INTEGER NOT NULL,
    done       BOOLEAN NOT NULL,
    -- The line as it was read.
    words      TEXT NOT NULL,
    language   TEXT NOT NULL,
    at         INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   INTEGER,
    actor_name TEXT NOT NULL
);
CREATE INDEX alarm_check_alarm ON alarm_check (alarm_id, id);
