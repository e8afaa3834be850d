-- Shift hand-over 交接班: what stood when a shift ended, what was said about it, and who took it over.
CREATE TABLE handover (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    from_id       INTEGER NOT NULL,
    from_name     TEXT NOT NULL,
    -- NULL: whoever comes.
    to_id         INTEGER,
    to_name       TEXT,
    -- Begin of the shift that ends.
    since         INTEGER NOT NULL,
    offered_at    INTEGER NOT NULL,
    remarks       TEXT NOT NULL,
    -- What stood at offered_at, JSON with its version; never changed.
    snapshot      TEXT NOT NULL,
    taken_at      INTEGER,
    taken_by      INTEGER,
    taken_name    TEXT,
    taken_remarks TEXT,
    -- Taken back by who offered it.
    withdrawn_at  INTEGER
);
-- Nobody hands over twice at once.
CREATE UNIQUE INDEX handover_waiting ON handover (from_id) WHERE taken_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX handover_taken_by ON handover (taken_by, taken_at);

-- The part of the world that a hand-over is about: what who handed over could touch. NULL is the whole tree. Only who may
-- see all of the parts may see the hand-over.
CREATE TABLE handover_part (
    handover_id     INTEGER NOT NULL REFERENCES handover (id),
    organisation_id INTEGER REFERENCES organisation (id),
    area_code       TEXT
);
CREATE INDEX handover_part_of ON handover_part (handover_id);
