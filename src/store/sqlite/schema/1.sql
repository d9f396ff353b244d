-- Version 1: the inbox, conversations, the outbox, dead letters and portals.
--
-- Rows that change often are narrow: a body lies in a table of its own, attempts and "taken" marks, too. Conversations and
-- lanes are texts: portal/bot/dialog, portal/hook/name and portal/application. The number of a call is its event's number
-- times 65536, plus its place.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('last event', 0);

-- A delivery's body, sealed; its number is that of the delivery's first event.
CREATE TABLE body (
    id     INTEGER PRIMARY KEY,
    uses   INTEGER NOT NULL, -- events and dead letters that need it
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE event (
    id   INTEGER PRIMARY KEY,
    lane TEXT NOT NULL,
    at   INTEGER NOT NULL,
    body INTEGER,
    part INTEGER
) STRICT;

CREATE TABLE attempt (
    event   INTEGER PRIMARY KEY,
    count   INTEGER NOT NULL,
    history TEXT -- JSON: what failed, oldest first
) STRICT;

-- Occurrences by 12 hours, so that they are purged by range.
CREATE TABLE seen (
    bucket     INTEGER NOT NULL,
    occurrence BLOB NOT NULL,
    PRIMARY KEY (bucket, occurrence)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    id           INTEGER PRIMARY KEY,
    conversation TEXT NOT NULL UNIQUE,
    version      INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    data         ANY NOT NULL
) STRICT;

CREATE TABLE call (
    id           INTEGER PRIMARY KEY,
    conversation TEXT NOT NULL,
    at           INTEGER NOT NULL,
    doubt        TEXT NOT NULL,
    remember     INTEGER NOT NULL,
    call         TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE taken (
    call INTEGER PRIMARY KEY
) STRICT;

-- The numbers of messages that bots keep references to.
CREATE TABLE message (
    call         INTEGER PRIMARY KEY,
    conversation TEXT NOT NULL,
    at           INTEGER NOT NULL,
    number       INTEGER NOT NULL
) STRICT;

-- An event that could not be handled (event, came, body, part) or a call that could not be made (call).
CREATE TABLE dead (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    lane     TEXT NOT NULL,
    error    TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    history  TEXT, -- JSON
    blocks   INTEGER NOT NULL,
    event    INTEGER,
    came     INTEGER,
    body     INTEGER,
    part     INTEGER,
    call     TEXT -- JSON
) STRICT;

CREATE INDEX dead_blocks ON dead (lane) WHERE blocks;

-- Tokens are sealed.
CREATE TABLE portal (
    portal            TEXT PRIMARY KEY,
    endpoint          TEXT NOT NULL,
    application_token BLOB NOT NULL,
    access            BLOB NOT NULL,
    refresh           BLOB NOT NULL
) STRICT, WITHOUT ROWID;
