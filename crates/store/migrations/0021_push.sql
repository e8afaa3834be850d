-- Browsers that are pushed to (RFC 8030). A subscription belongs to the key of the medium it was made with.
CREATE TABLE push_subscription (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    medium_id  INTEGER NOT NULL REFERENCES medium (id) ON DELETE CASCADE,
    -- One browser has one; whoever signs in there last has it.
    endpoint   TEXT NOT NULL UNIQUE,
    p256dh     TEXT NOT NULL,
    auth       TEXT NOT NULL,
    -- What the browser calls itself, for the person to know it by.
    agent      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_ok_at INTEGER
);
CREATE INDEX push_subscription_account ON push_subscription (account_id);
