-- Version 2: reminders, states kept aside, and what an operator's process tells the running one.

-- The number of a reminder is its event's number times 65536, plus its place.
CREATE TABLE reminder (
    id           INTEGER PRIMARY KEY,
    conversation TEXT NOT NULL,
    due          INTEGER NOT NULL,
    reminder     TEXT NOT NULL -- JSON
) STRICT;

CREATE INDEX reminder_due ON reminder (due, id);
CREATE INDEX reminder_conversation ON reminder (conversation);

-- An event is a delivery's (body, part) or a reminder that was due.
ALTER TABLE event ADD COLUMN reminder TEXT;
ALTER TABLE dead ADD COLUMN reminder TEXT;

CREATE TABLE aside (
    id           INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    conversation TEXT NOT NULL,
    version      INTEGER NOT NULL,
    data         ANY NOT NULL,
    reason       TEXT NOT NULL
) STRICT;

CREATE TABLE news (
    id     INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL, -- event, call or open
    number INTEGER,
    lane   TEXT NOT NULL
) STRICT;

-- For the operator's eyes.
CREATE VIEW outbox AS
SELECT call.id >> 16 AS event, call.id & 65535 AS place, conversation,
       datetime(at / 1000, 'unixepoch') AS decided, doubt, taken.call IS NOT NULL AS is_taken, call.call
FROM call LEFT JOIN taken ON taken.call = call.id;
