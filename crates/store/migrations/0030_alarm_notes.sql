-- Whom people called or sent about an alarm, and what became of it: domain::alarm::Note as JSON with its version. An entry
-- is never changed; what holds no longer is withdrawn by a later one.
ALTER TABLE alarm_transition ADD COLUMN note TEXT;
-- Who is out is found by these alone.
CREATE INDEX alarm_transition_dispatched ON alarm_transition (at) WHERE event = 'dispatched';
-- What people entered since then.
CREATE INDEX alarm_transition_entered ON alarm_transition (at)
    WHERE event IN ('commented', 'called', 'dispatched', 'arrived', 'finished', 'withdrawn');
