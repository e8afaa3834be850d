-- What weeks of history show about a circuit (docs/detection.md). A finding stands while looks confirm it; when it is
-- gone it stays as history. The history it rests on is named exactly, so that it can be computed again.
CREATE TABLE finding (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    detector_id     INTEGER NOT NULL REFERENCES detector (id),
    -- The channel's code; empty for the circuit as a whole.
    channel         TEXT NOT NULL,
    kind            TEXT NOT NULL,
    phase           TEXT,
    -- 1 weak: stands on the analysis page only; 2 strong: somebody has to look at it.
    strength        INTEGER NOT NULL,
    confidence      REAL NOT NULL,
    -- The version of the rules that the newest look was made with.
    engine_version  INTEGER NOT NULL,
    first_seen_at   INTEGER NOT NULL,
    strong_since    INTEGER,
    -- The newest look that showed it.
    last_seen_at    INTEGER NOT NULL,
    -- JSON, version 1: the finding with its figures and curves, and what the history was read with.
    body            TEXT NOT NULL,
    gone_at         INTEGER,
    dismissed_at    INTEGER,
    dismissed_by    TEXT,
    dismiss_reason  TEXT,
    version         INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX finding_standing ON finding (detector_id, kind, channel) WHERE gone_at IS NULL;
CREATE INDEX finding_detector ON finding (detector_id, id);

-- How a finding came and went, one row per change.
CREATE TABLE finding_step (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id  INTEGER NOT NULL REFERENCES finding (id),
    at          INTEGER NOT NULL,
    -- found, stronger, weaker, gone, dismissed, restored
    event       TEXT NOT NULL,
    confidence  REAL NOT NULL,
    actor_name  TEXT,
    reason      TEXT
);
CREATE INDEX finding_step_finding ON finding_step (finding_id, id);

-- When each detector is looked at next: the looks of a day are spread over it, and a restart loses none.
CREATE TABLE diagnosis_look (
    detector_id INTEGER PRIMARY KEY REFERENCES detector (id),
    -- The history that was looked at ended here.
    until_at    INTEGER NOT NULL,
    looked_at   INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    -- What it cost: reading the history, and the analysis, microseconds.
    read_us     INTEGER NOT NULL,
    think_us    INTEGER NOT NULL
);
CREATE INDEX diagnosis_look_next ON diagnosis_look (next_at);
