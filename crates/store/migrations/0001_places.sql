-- Who and where: the two trees, the sites that hang on both, and what stands in a site.
-- Times are milliseconds since 1970 UTC. AUTOINCREMENT, because an id is never given out twice.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE area (
    code        TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    parent_code TEXT
);

CREATE TABLE organisation (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL,
    parent_id INTEGER REFERENCES organisation (id),
    path      TEXT NOT NULL UNIQUE,
    kind      TEXT NOT NULL,
    version   INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE site (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL,
    address         TEXT NOT NULL,
    area_code       TEXT NOT NULL REFERENCES area (code),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    premises_kind   TEXT NOT NULL,
    lon             REAL,
    lat             REAL,
    zone            TEXT NOT NULL,
    contact_name    TEXT NOT NULL,
    contact_phone   TEXT NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1,
    created_at      INTEGER NOT NULL,
    -- Alarms of the past still name their site, so it stays as a row.
    deleted_at      INTEGER
);
CREATE INDEX site_organisation ON site (organisation_id);
CREATE INDEX site_area ON site (area_code);

CREATE TABLE panel (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id    INTEGER NOT NULL REFERENCES site (id),
    name       TEXT NOT NULL,
    location   TEXT NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    deleted_at INTEGER
);
CREATE INDEX panel_site ON panel (site_id);

CREATE TABLE circuit (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    panel_id        INTEGER NOT NULL REFERENCES panel (id),
    name            TEXT NOT NULL,
    rated_current_a REAL,
    phases          INTEGER NOT NULL,
    load_kind       TEXT NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1,
    deleted_at      INTEGER
);
CREATE INDEX circuit_panel ON circuit (panel_id);

CREATE TABLE terminal (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    serial          TEXT NOT NULL UNIQUE,
    protocol        TEXT NOT NULL,
    admission       TEXT NOT NULL,
    pinned_iccid    TEXT,
    seen_iccid      TEXT,
    remote          TEXT NOT NULL,
    signal          INTEGER,
    firmware        TEXT,
    first_seen_at   INTEGER NOT NULL,
    last_seen_at    INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    readings_ignored INTEGER NOT NULL,
    hint_profile_id TEXT,
    refused_reason  TEXT,
    admitted_at     INTEGER,
    version         INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX terminal_admission ON terminal (admission, last_seen_at);

CREATE TABLE detector (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id   INTEGER NOT NULL REFERENCES terminal (id),
    profile_id    TEXT NOT NULL,
    unit_address  INTEGER,
    name          TEXT NOT NULL,
    site_id       INTEGER NOT NULL REFERENCES site (id),
    circuit_id    INTEGER REFERENCES circuit (id),
    -- domain::status::Status::rank, kept by the pipeline's commit.
    status        INTEGER NOT NULL DEFAULT 0,
    version       INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    deleted_at    INTEGER
);
CREATE UNIQUE INDEX detector_unit ON detector (terminal_id, coalesce(unit_address, -1)) WHERE deleted_at IS NULL;
CREATE INDEX detector_site ON detector (site_id, status) WHERE deleted_at IS NULL;
CREATE INDEX detector_status ON detector (status) WHERE deleted_at IS NULL;
CREATE INDEX detector_circuit ON detector (circuit_id) WHERE deleted_at IS NULL;

CREATE TABLE channel (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    detector_id INTEGER NOT NULL REFERENCES detector (id),
    -- Place in the profile's list of points; NULL is the channel that stands for the device.
    point       INTEGER,
    code        TEXT NOT NULL,
    name        TEXT NOT NULL,
    quantity    TEXT NOT NULL,
    phase       TEXT,
    decimals    INTEGER NOT NULL
);
CREATE UNIQUE INDEX channel_point ON channel (detector_id, coalesce(point, -1));

CREATE TABLE terminal_event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    event       TEXT NOT NULL,
    detail      TEXT NOT NULL,
    remote      TEXT NOT NULL
);
CREATE INDEX terminal_event_terminal ON terminal_event (terminal_id, at);
CREATE INDEX terminal_event_at ON terminal_event (at);

INSERT INTO area (code, name, parent_code) VALUES
    ('430000', '湖南省', NULL),
    ('430200', '株洲市', '430000'),
    ('430202', '荷塘区', '430200'),
    ('430203', '芦淞区', '430200'),
    ('430204', '石峰区', '430200'),
    ('430211', '天元区', '430200'),
    ('430212', '渌口区', '430200'),
    ('430223', '攸县', '430200'),
    ('430224', '茶陵县', '430200'),
    ('430225', '炎陵县', '430200'),
    ('430281', '醴陵市', '430200');
