-- Times are microseconds since 1970, UTC. States are the words of package store.

-- +goose Up
CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    source       TEXT    NOT NULL,
    received_at  INTEGER NOT NULL,
    content_type TEXT    NOT NULL,
    headers      TEXT    NOT NULL, -- JSON object
    body         BLOB    NOT NULL,
    principal    TEXT    NOT NULL,
    origin       TEXT    NOT NULL,
    state        TEXT    NOT NULL DEFAULT 'received',
    reason       TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX deliveries_by_state ON deliveries (state, id);

-- Deliveries that were too large to take, by source.
CREATE TABLE lost (
    source TEXT    PRIMARY KEY,
    count  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL
);

CREATE TABLE dispatches (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id     INTEGER NOT NULL REFERENCES deliveries (id),
    position        INTEGER NOT NULL, -- within the delivery
    correlation_key TEXT    NOT NULL,
    alerts          TEXT    NOT NULL, -- JSON array
    state           TEXT    NOT NULL DEFAULT 'pending',
    incident_id     TEXT    NOT NULL DEFAULT '',
    attempts        INTEGER NOT NULL DEFAULT 0,
    reason          TEXT    NOT NULL DEFAULT '', -- of the last failed attempt
    next_attempt    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (delivery_id, position)
);
CREATE INDEX dispatches_by_age ON dispatches (state, delivery_id, position);
CREATE INDEX dispatches_by_key ON dispatches (state, correlation_key, delivery_id, position);

-- Which incident a correlation key has open. Rows stay after the incident has
-- closed, so that an id is never given out twice.
CREATE TABLE bindings (
    incident_id     TEXT    PRIMARY KEY,
    correlation_key TEXT    NOT NULL,
    opened_by       INTEGER NOT NULL REFERENCES dispatches (id),
    open            INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE UNIQUE INDEX bindings_one_open_per_key ON bindings (correlation_key) WHERE open = 1;

-- Every event, in the order applied. stream_offset is NULL for a fill, which
-- has no place in the stream; cursor_offset is what readers are shown.
CREATE TABLE events (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id   TEXT    NOT NULL,
    run_id        TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    type          TEXT    NOT NULL,
    epoch         TEXT    NOT NULL,
    stream_offset INTEGER,
    cursor_offset INTEGER NOT NULL,
    event         TEXT    NOT NULL, -- JSON, without epoch and offset
    UNIQUE (incident_id, run_id, seq)
);
CREATE INDEX events_by_offset ON events (epoch, stream_offset) WHERE stream_offset IS NOT NULL;
CREATE INDEX events_by_incident ON events (incident_id, position);

-- The read model: the view of each incident's latest run, and what lists
-- select by.
CREATE TABLE incidents (
    incident_id TEXT    PRIMARY KEY,
    run_id      TEXT    NOT NULL,
    view        TEXT    NOT NULL, -- JSON event.View
    summary     TEXT    NOT NULL, -- JSON event.Summary
    title       TEXT    NOT NULL,
    service     TEXT    NOT NULL,
    severity    TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    open        INTEGER NOT NULL,
    needs_human INTEGER NOT NULL,
    opened_at   INTEGER NOT NULL,
    closed_at   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX incidents_by_opening ON incidents (opened_at, incident_id);
CREATE INDEX incidents_open ON incidents (open, closed_at);

-- One row: how far the stream is applied. first_position is the last event
-- position before this epoch began.
CREATE TABLE applied (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    epoch          TEXT    NOT NULL,
    offset         INTEGER NOT NULL,
    first_position INTEGER NOT NULL
);
INSERT INTO applied (one, epoch, offset, first_position) VALUES (1, '', 0, 0);

CREATE TABLE answers (
    principal    TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    status       INTEGER NOT NULL, -- 0: claimed, not answered yet
    body         TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (principal, key)
) WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (at);

-- One row that Ping writes, to learn whether writing works.
CREATE TABLE pings (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
);
INSERT INTO pings (one, at) VALUES (1, 0);

-- +goose Down
DROP TABLE pings;
DROP TABLE answers;
DROP TABLE applied;
DROP TABLE incidents;
DROP TABLE events;
DROP TABLE bindings;
DROP TABLE dispatches;
DROP TABLE lost;
DROP TABLE deliveries;
