-- What people decided about the incident of an alarm; incidents themselves are computed (domain::incident), not kept.
-- One decision holds for each alarm; those before it are in the audit log.
CREATE TABLE incident_decision (
    alarm_id   INTEGER PRIMARY KEY,
    -- It belongs to the incident of this alarm; NULL: to none.
    with_id    INTEGER,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL
);
