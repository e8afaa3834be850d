-- Answers to messages with an idempotency key, written in the transaction of the readings that they confirm.
CREATE TABLE kept_answer (
    terminal_id INTEGER NOT NULL,
    key         TEXT NOT NULL,
    -- SHA-256 of the message.
    digest      BLOB NOT NULL,
    answer      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (terminal_id, key)
) WITHOUT ROWID;
CREATE INDEX kept_answer_at ON kept_answer (at);
