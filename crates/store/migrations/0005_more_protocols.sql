-- Protocols that name their values: a detector behind a terminal has an address as text, a terminal has proofs of
-- who it is.
ALTER TABLE detector ADD COLUMN address TEXT;
DROP INDEX detector_unit;
CREATE UNIQUE INDEX detector_unit ON detector (terminal_id, coalesce(unit_address, -1), coalesce(address, ''))
    WHERE deleted_at IS NULL;

CREATE TABLE credential (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER NOT NULL REFERENCES terminal (id),
    -- token_hash, certificate_hash: SHA-256; shared_secret: as it is, because the protocol computes with it.
    kind        TEXT NOT NULL,
    secret      BLOB NOT NULL,
    -- So that people can tell them apart: the first characters of a token, a certificate's subject.
    label       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  INTEGER,
    revoked_at  INTEGER
);
CREATE INDEX credential_terminal ON credential (terminal_id) WHERE revoked_at IS NULL;
