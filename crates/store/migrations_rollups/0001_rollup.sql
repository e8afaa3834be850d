-- Roll-ups, a file of its own: it is dropped, copied and checked by itself.

CREATE TABLE rollup (
    -- Of single days: UTC day since 1970 * 2^32 + detector. Of a month: the detector.
    -- Of a year: the month, counted from January of year 0, * 2^32 + detector.
    key  INTEGER PRIMARY KEY,
    -- CRC-32 of the body.
    crc  INTEGER NOT NULL,
    -- Versioned, see store::history::rollup.
    body BLOB NOT NULL
);
-- A detector's days, when its month is put together.
CREATE INDEX rollup_detector ON rollup (key & 4294967295, key);

-- The greatest `reading.seq` that this file has ever taken in: a number is never given out twice.
CREATE TABLE taken (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    tail_seq INTEGER NOT NULL
);
INSERT INTO taken (id, tail_seq) VALUES (1, 0);
