-- One month of sealed readings, a file of its own: it is dropped, copied and checked by itself.

CREATE TABLE chunk (
    -- UTC day since 1970 * 2^32 + detector: rises as days are sealed, so that pages are filled to their end.
    key      INTEGER PRIMARY KEY,
    -- The tail's rows of this detector and day up to this `reading.seq` are in it.
    tail_seq INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    -- CRC-32 of the body.
    crc      INTEGER NOT NULL,
    -- Versioned, see store::history::chunk.
    body     BLOB NOT NULL
);

-- The greatest `reading.seq` that this file has ever taken in: a number is never given out twice.
CREATE TABLE taken (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    tail_seq INTEGER NOT NULL
);
INSERT INTO taken (id, tail_seq) VALUES (1, 0);
