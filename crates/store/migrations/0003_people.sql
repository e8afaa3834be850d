-- Accounts, what they may do, how they prove who they are, and what they did. Secrets only as hashes.

CREATE TABLE account (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    login                TEXT NOT NULL,
    -- The login in lower case; what must be unique.
    login_key            TEXT NOT NULL UNIQUE,
    name                 TEXT NOT NULL,
    language             TEXT NOT NULL,
    password_hash        TEXT NOT NULL,
    must_change_password BOOLEAN NOT NULL,
    disabled             BOOLEAN NOT NULL,
    last_sign_in_at      INTEGER,
    created_at           INTEGER NOT NULL,
    version              INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE account_grant (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role            TEXT NOT NULL,
    organisation_id INTEGER REFERENCES organisation (id),
    area_code       TEXT REFERENCES area (code)
);
CREATE INDEX account_grant_account ON account_grant (account_id);

CREATE TABLE session (
    token_hash   BLOB NOT NULL PRIMARY KEY,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    remote       TEXT NOT NULL,
    user_agent   TEXT NOT NULL
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expires ON session (expires_at);

CREATE TABLE api_token (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL,
    role            TEXT NOT NULL,
    organisation_id INTEGER REFERENCES organisation (id),
    area_code       TEXT REFERENCES area (code),
    token_hash      BLOB NOT NULL UNIQUE,
    -- The first characters, so that people can tell tokens apart.
    prefix          TEXT NOT NULL,
    created_by      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    last_used_at    INTEGER,
    revoked_at      INTEGER
);

-- Failed attempts by subject: `login:<key>` or `address:<ip>`.
CREATE TABLE lockout (
    subject      TEXT NOT NULL PRIMARY KEY,
    failures     INTEGER NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    locked_until INTEGER
);
CREATE INDEX lockout_last ON lockout (last_at);

CREATE TABLE limit_patch (
    scope_kind TEXT NOT NULL,
    scope_id   TEXT NOT NULL,
    hazard     TEXT NOT NULL,
    -- domain::settings::LimitPatch as JSON.
    patch      TEXT NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, hazard)
);

CREATE TABLE supervision_patch (
    scope_kind     TEXT NOT NULL,
    scope_id       TEXT NOT NULL,
    offline_factor REAL,
    interval_s     INTEGER,
    version        INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (scope_kind, scope_id)
);

-- Invariant 9: append-only and hash-chained.
CREATE TABLE audit (
    id                INTEGER PRIMARY KEY,
    at                INTEGER NOT NULL,
    actor_kind        TEXT NOT NULL,
    actor_id          INTEGER,
    actor_name        TEXT NOT NULL,
    remote            TEXT NOT NULL,
    action            TEXT NOT NULL,
    object_kind       TEXT NOT NULL,
    object_id         TEXT NOT NULL,
    object_name       TEXT NOT NULL,
    -- JSON of the object before and after.
    before            TEXT,
    after             TEXT,
    -- Whose and where the object is; NULL is the platform's.
    organisation_path TEXT,
    area_code         TEXT,
    hash              BLOB NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_object ON audit (object_kind, object_id);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- The newest link, so that a log cut at its end is seen.
CREATE TABLE audit_head (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    entries INTEGER NOT NULL,
    hash    BLOB NOT NULL
);
