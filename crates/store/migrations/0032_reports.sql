-- What providers report later: whether a message arrived, and what people reply to it.

-- The secret in the address that a provider calls.
CREATE TABLE medium_callback (
    medium_id INTEGER PRIMARY KEY REFERENCES medium (id) ON DELETE CASCADE,
    secret    TEXT NOT NULL
);

-- delivery.state: delivered, undelivered, once there is a receipt; this is when, and in the provider's words why.
ALTER TABLE delivery ADD COLUMN receipt_at INTEGER;
ALTER TABLE delivery ADD COLUMN receipt TEXT;
CREATE INDEX attempt_reference ON attempt (reference) WHERE reference IS NOT NULL;

-- Receipts that came before the provider's answer to the message was written down.
CREATE TABLE receipt_early (
    medium_id INTEGER NOT NULL,
    reference TEXT NOT NULL,
    at        INTEGER NOT NULL,
    arrived   BOOLEAN NOT NULL,
    detail    TEXT NOT NULL,
    PRIMARY KEY (medium_id, reference)
) WITHOUT ROWID;
CREATE INDEX receipt_early_at ON receipt_early (at);

-- Everything that came from telephones, also what was refused.
CREATE TABLE reply (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    medium_id  INTEGER NOT NULL,
    phone      TEXT NOT NULL,
    text       TEXT NOT NULL,
    -- The provider's own name of it: what is reported twice is taken once.
    said_key   TEXT NOT NULL,
    -- Whom the message was sent to that it answers; NULL: nobody was told at this number.
    account_id INTEGER,
    digest_id  INTEGER,
    -- acknowledged, noted, nothing_waits, unknown_number.
    outcome    TEXT NOT NULL,
    -- How many alarms it acknowledged.
    alarms     INTEGER NOT NULL
);
CREATE UNIQUE INDEX reply_once ON reply (medium_id, said_key);
CREATE INDEX reply_medium ON reply (medium_id, id);
CREATE INDEX reply_at ON reply (at);
