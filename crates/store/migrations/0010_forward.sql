-- Forwarding of alarms to a higher centre. The queue is alarm_transition itself, written in the transaction that changed
-- the alarm; here is how far each centre has confirmed it, and what a centre would not take.
CREATE TABLE forward_cursor (
    -- The centre's address as configured.
    centre        TEXT NOT NULL PRIMARY KEY,
    -- Everything up to this step is confirmed or set aside.
    transition_id INTEGER NOT NULL,
    confirmed     INTEGER NOT NULL,
    confirmed_at  INTEGER
);

CREATE TABLE forward_refused (
    centre        TEXT NOT NULL,
    transition_id INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    PRIMARY KEY (centre, transition_id)
) WITHOUT ROWID;
