-- Risk (docs/risk.md): the newest score of each site with its one act, and one score a day for the trend. A projection: it
-- can be computed again from what it rests on, but for the days that are over.
CREATE TABLE site_risk (
    site_id     INTEGER PRIMARY KEY REFERENCES site (id),
    -- 0 to 100.
    score       REAL NOT NULL,
    -- The version of the rules.
    rules       INTEGER NOT NULL,
    computed_at INTEGER NOT NULL,
    -- JSON, version 1: the worst circuit with its causes, and the act that lowers the site most.
    body        TEXT NOT NULL
);
CREATE INDEX site_risk_score ON site_risk (score, site_id);
CREATE INDEX site_risk_computed ON site_risk (computed_at);

CREATE TABLE site_risk_day (
    site_id INTEGER NOT NULL,
    -- Days since 1970, UTC; the last score of the day.
    day     INTEGER NOT NULL,
    score   REAL NOT NULL,
    PRIMARY KEY (site_id, day)
) WITHOUT ROWID;
CREATE INDEX site_risk_day_day ON site_risk_day (day);
