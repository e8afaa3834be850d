-- Detector profiles that people wrote here, as versions of a text. A version is never changed and never taken away;
-- taking a profile away is a version without a text.
CREATE TABLE profile_version (
    profile_id TEXT NOT NULL,
    -- From 1, without a hole; 0 is what the program or the profiles folder brings.
    version    INTEGER NOT NULL,
    text       TEXT,
    at         INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   INTEGER,
    actor_name TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (profile_id, version)
) WITHOUT ROWID;

CREATE TRIGGER profile_version_no_update BEFORE UPDATE ON profile_version
BEGIN
    SELECT RAISE(ABORT, 'versions of profiles are append-only');
END;
CREATE TRIGGER profile_version_no_delete BEFORE DELETE ON profile_version
BEGIN
    SELECT RAISE(ABORT, 'versions of profiles are append-only');
END;

-- Who has a profile is asked for every list of profiles and before each change of one.
CREATE INDEX detector_profile ON detector (profile_id) WHERE deleted_at IS NULL;
