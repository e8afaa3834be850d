-- From an alarm to people. Three records (invariant 10): notice (who is to be told of what and why), delivery (by which
-- medium to which address), attempt (what came of it). Between the first two stands the digest: what one person is told
-- at once about one site, however many alarms that is.

-- What people set. `organisation_id` NULL is the platform's own; else it holds for that organisation and below.
CREATE TABLE medium (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER REFERENCES organisation (id),
    name            TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    -- Lower ones are tried first where a step names no media.
    rank            INTEGER NOT NULL,
    -- JSON with its version; secrets as they are, because the exchange with the provider is computed with them.
    body            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE ladder (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER REFERENCES organisation (id),
    name            TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    rank            INTEGER NOT NULL,
    body            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE route (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER REFERENCES organisation (id),
    name            TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    rank            INTEGER NOT NULL,
    body            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE duty (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER REFERENCES organisation (id),
    name            TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    rank            INTEGER NOT NULL,
    body            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1
);

-- A fresh installation tells whoever answers for the site, as soon as there is a medium.
INSERT INTO ladder (id, organisation_id, name, enabled, rank, body, created_at) VALUES (1, NULL, 'default', TRUE, 0,
    '{"v":1,"steps":[{"after_min":0,"recipients":[{"kind":"responsible","role":"operator"},{"kind":"responsible","role":"electrician"},{"kind":"responsible","role":"owner"}]},{"after_min":10,"recipients":[{"kind":"responsible","role":"safety_manager"}]},{"after_min":30,"recipients":[{"kind":"responsible","role":"administrator"}]}]}', 0);
INSERT INTO route (id, organisation_id, name, enabled, rank, body, created_at) VALUES (1, NULL, 'default', TRUE, 0,
    '{"v":1,"severity":"warning","ladder":1}', 0);

CREATE TABLE medium_health (
    medium_id        INTEGER PRIMARY KEY REFERENCES medium (id) ON DELETE CASCADE,
    failures         INTEGER NOT NULL,
    down_since       INTEGER,
    last_accepted_at INTEGER,
    last_failed_at   INTEGER,
    last_detail      TEXT
);

CREATE TABLE contact (
    account_id        INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    email             TEXT,
    -- When somebody opened a link that was sent there.
    email_verified_at INTEGER,
    phone             TEXT,
    phone_verified_at INTEGER,
    -- domain::telling::Hours as JSON.
    quiet             TEXT,
    version           INTEGER NOT NULL DEFAULT 1
);

-- How far up a ladder an alarm is.
CREATE TABLE climb (
    alarm_id   INTEGER NOT NULL,
    ladder_id  INTEGER NOT NULL,
    route_id   INTEGER NOT NULL,
    -- Rises when the alarm gets worse or comes again: then it begins anew.
    round      INTEGER NOT NULL,
    step       INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    ended_at   INTEGER,
    -- acknowledged, returned, closed, exhausted.
    end_reason TEXT,
    PRIMARY KEY (alarm_id, ladder_id)
) WITHOUT ROWID;
CREATE INDEX climb_due ON climb (due_at) WHERE ended_at IS NULL;

CREATE TABLE digest (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    -- NULL: about the platform itself.
    site_id    INTEGER,
    -- Worst severity in it: 1 fault, 2 warning, 3 alarm.
    worst      INTEGER NOT NULL,
    opened_at  INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    -- When it stopped to gather.
    closed_at  INTEGER,
    -- gathering, sending, told, failed, stopped.
    state      TEXT NOT NULL,
    -- Media in order, JSON array of ids.
    media      TEXT NOT NULL
);
CREATE UNIQUE INDEX digest_open ON digest (account_id, coalesce(site_id, 0)) WHERE closed_at IS NULL;
CREATE INDEX digest_due ON digest (due_at) WHERE closed_at IS NULL;
CREATE INDEX digest_closed ON digest (closed_at);

CREATE TABLE notice (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    -- NULL: about the platform itself, then `about` says what.
    alarm_id   INTEGER,
    about      TEXT,
    round      INTEGER NOT NULL,
    route_id   INTEGER,
    ladder_id  INTEGER,
    step       INTEGER NOT NULL,
    -- domain::telling::Why as JSON.
    why        TEXT NOT NULL,
    -- NULL: the person could not be reached by any medium.
    digest_id  INTEGER REFERENCES digest (id)
);
-- Nobody is told twice of the same step of the same alarm.
CREATE UNIQUE INDEX notice_once ON notice (alarm_id, account_id, round, ladder_id, step) WHERE alarm_id IS NOT NULL;
CREATE INDEX notice_digest ON notice (digest_id, alarm_id);

CREATE TABLE delivery (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    digest_id    INTEGER NOT NULL REFERENCES digest (id),
    medium_id    INTEGER NOT NULL,
    address_kind TEXT NOT NULL,
    address      TEXT NOT NULL,
    -- waiting, sending, accepted, given_up, stopped, shared (the same address was told the same by another delivery).
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER
);
CREATE INDEX delivery_waiting ON delivery (medium_id, next_at) WHERE state = 'waiting';
CREATE INDEX delivery_digest ON delivery (digest_id);
CREATE INDEX delivery_address ON delivery (medium_id, address, created_at);

CREATE TABLE attempt (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id INTEGER NOT NULL REFERENCES delivery (id),
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    -- accepted, try_again, refused, gone; lost: the process ended meanwhile. NULL: under way.
    outcome     TEXT,
    detail      TEXT,
    -- The provider's number of it.
    reference   TEXT
);
CREATE INDEX attempt_delivery ON attempt (delivery_id);
CREATE INDEX attempt_under_way ON attempt (id) WHERE outcome IS NULL;

-- Links with a one-time token. Only the SHA-256 is stored.
CREATE TABLE link (
    hash         BLOB NOT NULL PRIMARY KEY,
    digest_id    INTEGER NOT NULL REFERENCES digest (id),
    account_id   INTEGER NOT NULL,
    address_kind TEXT NOT NULL,
    address      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER
) WITHOUT ROWID;
CREATE INDEX link_expires ON link (expires_at);
