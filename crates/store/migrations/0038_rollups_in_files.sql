-- Roll-ups are kept compressed in files of their own. What these tables hold and no chunk can tell any more is carried
-- over by the job that seals (store::history::carry), which drops them when it has done so.
ALTER TABLE rollup RENAME TO rollup_before;
ALTER TABLE rollup_cursor RENAME TO rollup_before_cursor;

-- The levels that a detector's values are held against, from a moment on: what was over a limit is told by the limit that
-- was in force then. JSON of domain::in_force::InForce.
CREATE TABLE limits_in_force (
    detector_id INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (detector_id, since)
) WITHOUT ROWID;
