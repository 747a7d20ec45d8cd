-- Events without a number are told apart by their id: a run is aborted once, but
-- any number of people may look back at it. SQLite cannot drop the constraint
-- that stood in the way, so the table is made anew.

-- +goose Up
CREATE TABLE events_new (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id   TEXT    NOT NULL,
    run_id        TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    type          TEXT    NOT NULL,
    epoch         TEXT    NOT NULL,
    stream_offset INTEGER,
    cursor_offset INTEGER NOT NULL,
    event         TEXT    NOT NULL -- JSON, without epoch and offset
);
INSERT INTO events_new (position, incident_id, run_id, seq, type, epoch, stream_offset, cursor_offset, event)
    SELECT position, incident_id, run_id, seq, type, epoch, stream_offset, cursor_offset, event FROM events ORDER BY position;
DROP TABLE events;
ALTER TABLE events_new RENAME TO events;
CREATE UNIQUE INDEX events_numbered ON events (incident_id, run_id, seq) WHERE seq > 0;
CREATE UNIQUE INDEX events_unnumbered ON events (incident_id, run_id, json_extract(event, '$.id')) WHERE seq = 0;
CREATE INDEX events_by_run ON events (incident_id, run_id, position);
CREATE INDEX events_by_offset ON events (epoch, stream_offset) WHERE stream_offset IS NOT NULL;
CREATE INDEX events_by_incident ON events (incident_id, position);

-- +goose Down
CREATE TABLE events_old (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id   TEXT    NOT NULL,
    run_id        TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    type          TEXT    NOT NULL,
    epoch         TEXT    NOT NULL,
    stream_offset INTEGER,
    cursor_offset INTEGER NOT NULL,
    event         TEXT    NOT NULL,
    UNIQUE (incident_id, run_id, seq)
);
INSERT OR IGNORE INTO events_old (position, incident_id, run_id, seq, type, epoch, stream_offset, cursor_offset, event)
    SELECT position, incident_id, run_id, seq, type, epoch, stream_offset, cursor_offset, event FROM events
    WHERE seq > 0 OR type = 'incident.aborted' ORDER BY position;
DROP TABLE events;
ALTER TABLE events_old RENAME TO events;
CREATE INDEX events_by_offset ON events (epoch, stream_offset) WHERE stream_offset IS NOT NULL;
CREATE INDEX events_by_incident ON events (incident_id, position);
