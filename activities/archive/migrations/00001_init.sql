-- Times are microseconds since 1970, UTC. All text is redacted.

-- +goose Up
-- What is kept of closed incidents. cause is '' where nobody confirmed it;
-- verified_cause stays what the telemetry had confirmed when a person corrects it.
CREATE TABLE lessons (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id      TEXT    NOT NULL,
    run_id           TEXT    NOT NULL,
    title            TEXT    NOT NULL,
    service          TEXT    NOT NULL,
    symptoms         TEXT    NOT NULL,
    summary          TEXT    NOT NULL,
    cause            TEXT    NOT NULL,
    cause_service    TEXT    NOT NULL,
    confirmed_by     TEXT    NOT NULL,
    verified_cause   TEXT    NOT NULL,
    verified_service TEXT    NOT NULL,
    action           TEXT    NOT NULL,
    outcome          TEXT    NOT NULL,
    origin           TEXT    NOT NULL,
    opened_at        INTEGER NOT NULL,
    closed_at        INTEGER NOT NULL,
    UNIQUE (incident_id, run_id)
);
CREATE VIRTUAL TABLE lessons_text USING fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');

-- Runbook files as they were last read, and their sections. Two workers that
-- share the file may read different directories.
CREATE TABLE files (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    directory   TEXT    NOT NULL,
    path        TEXT    NOT NULL, -- relative, with slashes
    modified_at INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    UNIQUE (directory, path)
);
CREATE TABLE sections (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL REFERENCES files (id),
    anchor  TEXT    NOT NULL, -- unique within the file
    title   TEXT    NOT NULL,
    body    TEXT    NOT NULL
);
CREATE INDEX sections_by_file ON sections (file_id);
CREATE VIRTUAL TABLE sections_text USING fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');

-- +goose Down
DROP TABLE sections_text;
DROP TABLE sections;
DROP TABLE files;
DROP TABLE lessons_text;
DROP TABLE lessons;
