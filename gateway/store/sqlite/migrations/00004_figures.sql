-- What each incident adds to the business metrics, derived from its events
-- like its view; and the incidents that are kept no longer.

-- +goose Up
CREATE TABLE figures (
    incident_id TEXT    PRIMARY KEY,
    version     INTEGER NOT NULL, -- of the code that derived them
    opened_at   INTEGER NOT NULL,
    service     TEXT    NOT NULL,
    severity    TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    tally       TEXT    NOT NULL, -- JSON analytics.Tally
    figures     TEXT    NOT NULL  -- JSON event.IncidentFigures
) WITHOUT ROWID;
CREATE INDEX figures_by_opening ON figures (opened_at, incident_id);

-- An id that stands here is nobody's any more: late events of it are dropped.
-- gone: nothing of its events is left.
CREATE TABLE forgotten (
    incident_id  TEXT    PRIMARY KEY,
    forgotten_at INTEGER NOT NULL,
    gone         INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX forgotten_not_gone ON forgotten (incident_id) WHERE gone = 0;

-- An event is found by its id alone.
CREATE INDEX events_by_number ON events (run_id, seq) WHERE seq > 0;
CREATE INDEX events_beside ON events (json_extract(event, '$.id')) WHERE seq = 0;

-- +goose Down
DROP INDEX events_beside;
DROP INDEX events_by_number;
DROP TABLE forgotten;
DROP TABLE figures;
