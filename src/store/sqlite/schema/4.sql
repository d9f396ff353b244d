-- Version 4: processes on one store share a portal's limit.

-- Until when a portal's time is booked by requests to it, in milliseconds.
CREATE TABLE booked (
    portal TEXT PRIMARY KEY,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
