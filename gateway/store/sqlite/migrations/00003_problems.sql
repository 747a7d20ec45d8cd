-- Several correlation keys may share an incident: a problem is an incident that
-- alerts opened, with what correlation needs to know of it; a binding is a key
-- that belongs to it; a member is an alert of it, as last heard. Silences keep
-- alerts quiet. What people decide is in the audit.

-- +goose Up
CREATE TABLE problems (
    incident_id   TEXT    PRIMARY KEY,
    origin        TEXT    NOT NULL,
    title         TEXT    NOT NULL,
    service       TEXT    NOT NULL,
    services      TEXT    NOT NULL, -- JSON array
    sources       TEXT    NOT NULL, -- JSON array
    severity      TEXT    NOT NULL,
    labels        TEXT    NOT NULL, -- JSON object
    opened_at     INTEGER NOT NULL,
    last_alert_at INTEGER NOT NULL,
    open          INTEGER NOT NULL DEFAULT 1,
    members       INTEGER NOT NULL DEFAULT 0,
    detailed      INTEGER NOT NULL DEFAULT 0, -- members that the incident has in full
    detail_bytes  INTEGER NOT NULL DEFAULT 0,
    signals       INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX problems_open ON problems (open, last_alert_at);
CREATE INDEX problems_opened ON problems (opened_at);

CREATE TABLE bindings_new (
    incident_id     TEXT    NOT NULL,
    correlation_key TEXT    NOT NULL,
    joined_by       TEXT    NOT NULL DEFAULT '',
    bound_at        INTEGER NOT NULL,
    open            INTEGER NOT NULL DEFAULT 1,
    moved_to        TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (incident_id, correlation_key)
) WITHOUT ROWID;
INSERT INTO problems (incident_id, origin, title, service, services, sources, severity, labels, opened_at, last_alert_at, open)
    SELECT b.incident_id, v.origin, '', '', '[]', '[]', '', '{}', v.received_at, v.received_at, b.open
    FROM bindings b JOIN dispatches d ON d.id = b.opened_by JOIN deliveries v ON v.id = d.delivery_id;
INSERT INTO bindings_new (incident_id, correlation_key, bound_at, open)
    SELECT b.incident_id, b.correlation_key, v.received_at, b.open
    FROM bindings b JOIN dispatches d ON d.id = b.opened_by JOIN deliveries v ON v.id = d.delivery_id;
DROP TABLE bindings;
ALTER TABLE bindings_new RENAME TO bindings;
CREATE UNIQUE INDEX bindings_one_open_per_key ON bindings (correlation_key) WHERE open = 1;

CREATE TABLE members (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id     TEXT    NOT NULL,
    member          TEXT    NOT NULL,
    correlation_key TEXT    NOT NULL,
    word            TEXT    NOT NULL, -- what was last heard, as a hash
    status          TEXT    NOT NULL,
    starts_at       INTEGER NOT NULL, -- by the sender's clock
    detailed        INTEGER NOT NULL,
    alert           TEXT    NOT NULL, -- JSON
    first_at        INTEGER NOT NULL,
    last_at         INTEGER NOT NULL,
    deliveries      INTEGER NOT NULL DEFAULT 1,
    changes         INTEGER NOT NULL DEFAULT 0,
    moved_to        TEXT    NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX members_of_incident ON members (incident_id, member);
CREATE INDEX members_by_key ON members (incident_id, correlation_key);

CREATE TABLE silences (
    id         TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    matchers   TEXT    NOT NULL, -- JSON array
    starts_at  INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    repeat     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ended_by   TEXT    NOT NULL DEFAULT '',
    ended_at   INTEGER NOT NULL DEFAULT 0,
    end_reason TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- held: it fires and no incident has it, so it is brought to one when the
-- silence ends.
CREATE TABLE silenced_alerts (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    silence_id      TEXT    NOT NULL REFERENCES silences (id),
    member          TEXT    NOT NULL,
    correlation_key TEXT    NOT NULL,
    delivery_id     INTEGER NOT NULL,
    incident_id     TEXT    NOT NULL,
    alert           TEXT    NOT NULL, -- JSON
    at              INTEGER NOT NULL,
    held            INTEGER NOT NULL
);
CREATE UNIQUE INDEX silenced_alerts_once ON silenced_alerts (silence_id, member);
CREATE INDEX silenced_alerts_held ON silenced_alerts (held, member);

CREATE TABLE moves (
    id        TEXT    PRIMARY KEY,
    move      TEXT    NOT NULL, -- JSON incident.Move
    role      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    tell_from INTEGER NOT NULL DEFAULT 1,
    tell_to   INTEGER NOT NULL DEFAULT 1,
    attempts  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX moves_untold ON moves (at) WHERE tell_from = 1 OR tell_to = 1;

CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    principal TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    detail    TEXT    NOT NULL -- JSON or empty
);
CREATE INDEX audit_by_subject ON audit (subject, id);

-- Who calls whom, as evidence has shown.
CREATE TABLE service_edges (
    caller  TEXT    NOT NULL,
    callee  TEXT    NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (caller, callee)
) WITHOUT ROWID;

CREATE INDEX deliveries_by_age ON deliveries (received_at);
CREATE INDEX deliveries_by_source ON deliveries (source, state);

-- +goose Down
DROP INDEX deliveries_by_source;
DROP INDEX deliveries_by_age;
DROP TABLE service_edges;
DROP TABLE audit;
DROP TABLE moves;
DROP TABLE silenced_alerts;
DROP TABLE silences;
DROP TABLE members;
CREATE TABLE bindings_old (
    incident_id     TEXT    PRIMARY KEY,
    correlation_key TEXT    NOT NULL,
    opened_by       INTEGER NOT NULL,
    open            INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
INSERT OR IGNORE INTO bindings_old (incident_id, correlation_key, opened_by, open)
    SELECT incident_id, correlation_key, 0, open FROM bindings ORDER BY bound_at;
DROP TABLE bindings;
ALTER TABLE bindings_old RENAME TO bindings;
CREATE UNIQUE INDEX bindings_one_open_per_key ON bindings (correlation_key) WHERE open = 1;
DROP TABLE problems;
