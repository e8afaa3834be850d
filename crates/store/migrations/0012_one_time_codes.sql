-- One-time codes (RFC 6238) that confirm in place of the password. The secret is stored as it is, because the codes are
-- computed with it; it is shown to its owner once and never read back.
CREATE TABLE one_time_code (
    account_id   INTEGER NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    secret       BLOB NOT NULL,
    begun_at     INTEGER NOT NULL,
    -- When the first code was right; before that no code counts.
    confirmed_at INTEGER,
    -- The newest time step whose code was used; that one and all before it are used up.
    last_step    INTEGER
);
