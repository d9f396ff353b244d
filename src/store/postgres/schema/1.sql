-- Version 1.
--
-- The number of an event is a value of the sequence event_number times 256, plus its partition. So
-- a number names its partition, and numbers grow in the order of appending. Conversations and
-- ordering keys are texts: portal/bot/dialog, portal/hook/name and portal/application. Times are
-- milliseconds since 1970, on the clock of the process that wrote them. Rows that change often are
-- narrow, and no column that changes has an index, so that PostgreSQL can change them in place.
--
-- Names are without a schema: the search path of the connection selects it.

-- Values by name: the versions, the check of the key, and lists as JSON.
CREATE TABLE meta (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- The processes that run the bots, each with a new id per start.
CREATE TABLE member (
    id      uuid PRIMARY KEY,
    name    text NOT NULL,
    beat    bigint NOT NULL,
    state   text NOT NULL, -- live, leaving or dead
    program text NOT NULL,
    schema  integer NOT NULL,
    at      timestamptz NOT NULL DEFAULT now() -- of the last beat, for people
) WITH (fillfactor = 20);

-- The owner of each partition. The epoch grows with every change of the owner.
CREATE TABLE partition (
    id     smallint PRIMARY KEY,
    owner  uuid,
    epoch  bigint NOT NULL DEFAULT 0,
    wanted uuid, -- the member that is to own it
    pinned text  -- the name of the member that an operator has moved it to
) WITH (fillfactor = 50);

INSERT INTO partition (id) SELECT generate_series(0, 255);

-- Tokens are sealed. The column user_id is the person of an inbound webhook; then access holds its
-- code, and refresh the token of our bots.
CREATE TABLE portal (
    portal            text PRIMARY KEY,
    partition         smallint NOT NULL,
    endpoint          text NOT NULL,
    application_token bytea NOT NULL,
    access            bytea NOT NULL,
    refresh           bytea NOT NULL,
    user_id           bigint,
    former_hosts      text NOT NULL, -- a list as JSON
    installed_at      bigint,        -- Unix seconds on the portal's clock
    spare_user        bigint,
    spare_access      bytea,
    spare_refresh     bytea,
    claimed_by        uuid,
    claimed_until     bigint
) WITH (fillfactor = 90);

-- The last transaction that has changed the installation on a portal. Every process reads what is
-- newer than what it knows; a removed portal keeps its row.
CREATE TABLE portal_change (
    portal text PRIMARY KEY,
    change xid8 NOT NULL,
    at     timestamptz NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX portal_change_change ON portal_change (change);

CREATE FUNCTION note_portal_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO portal_change (portal, change, at)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.portal ELSE NEW.portal END, pg_current_xact_id(), now())
    ON CONFLICT (portal) DO UPDATE SET change = excluded.change, at = excluded.at;
    RETURN NULL;
END
$$;

-- Claims change other columns.
CREATE TRIGGER note_change AFTER INSERT OR DELETE OR
    UPDATE OF endpoint, application_token, access, refresh, user_id, former_hosts, installed_at,
              spare_user, spare_access, spare_refresh
    ON portal FOR EACH ROW EXECUTE FUNCTION note_portal_change();

-- The end of the booked time of each portal.
CREATE TABLE booked (
    portal text PRIMARY KEY,
    until  bigint NOT NULL
) WITH (fillfactor = 20);

-- Notes about what was set up on a portal.
CREATE TABLE note (
    portal text NOT NULL,
    name   text NOT NULL,
    note   text NOT NULL,
    PRIMARY KEY (portal, name)
);

CREATE SEQUENCE event_number;

CREATE TABLE event (
    partition    smallint NOT NULL,
    id           bigint NOT NULL,
    ordering_key text NOT NULL,
    at           bigint NOT NULL,
    body         uuid,
    part         integer,
    reminder     text,                       -- JSON: a reminder that was due, instead of a body
    attempts     integer NOT NULL DEFAULT 0,
    history      text,                       -- JSON: the failures, oldest first
    PRIMARY KEY (partition, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 100000);

-- The bodies of deliveries, sealed.
CREATE TABLE body (
    partition smallint NOT NULL,
    id        uuid NOT NULL,
    uses      integer NOT NULL, -- the number of events and dead letters that need it
    sealed    bytea NOT NULL,
    PRIMARY KEY (partition, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_scale_factor = 0,
        toast.autovacuum_vacuum_threshold = 10000, toast.autovacuum_vacuum_cost_delay = 0);
ALTER TABLE body ALTER COLUMN sealed SET STORAGE EXTERNAL; -- sealed bytes cannot be compressed

-- Occurrences by which repeats are recognised, in buckets of 12 hours on the server's clock. A slot
-- is the bucket's number modulo 4. Slots are emptied as a whole.
CREATE TABLE seen (
    slot       smallint NOT NULL,
    occurrence uuid NOT NULL,
    bucket     bigint NOT NULL,
    PRIMARY KEY (slot, occurrence)
) PARTITION BY LIST (slot);
CREATE TABLE seen_0 PARTITION OF seen FOR VALUES IN (0);
CREATE TABLE seen_1 PARTITION OF seen FOR VALUES IN (1);
CREATE TABLE seen_2 PARTITION OF seen FOR VALUES IN (2);
CREATE TABLE seen_3 PARTITION OF seen FOR VALUES IN (3);

-- The last event that each process has appended, exact to a second. A version of the row for each
-- event would make appending slow while a snapshot is held, which keeps them all.
CREATE TABLE arrival (
    member uuid PRIMARY KEY,
    event  bigint NOT NULL,
    at     bigint NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE state (
    partition    smallint NOT NULL,
    conversation text NOT NULL,
    version      bigint NOT NULL,
    at           bigint NOT NULL,
    data         bytea NOT NULL,
    PRIMARY KEY (partition, conversation)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_scale_factor = 0,
        toast.autovacuum_vacuum_threshold = 10000, toast.autovacuum_vacuum_cost_delay = 0);

-- States that could not be read.
CREATE TABLE quarantined (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition    smallint NOT NULL,
    at           bigint NOT NULL,
    conversation text NOT NULL,
    version      bigint NOT NULL,
    data         bytea NOT NULL,
    reason       text NOT NULL
);
CREATE INDEX quarantined_conversation ON quarantined (conversation);

-- The calls of a chat are made in the order of their positions.
CREATE SEQUENCE call_position;

CREATE TABLE call (
    partition    smallint NOT NULL,
    event        bigint NOT NULL,
    place        integer NOT NULL,
    conversation text NOT NULL,
    at           bigint NOT NULL,
    api          text NOT NULL,
    redelivery   text NOT NULL,
    remember     boolean NOT NULL,
    call         text NOT NULL, -- JSON
    position     bigint NOT NULL DEFAULT nextval('call_position'),
    PRIMARY KEY (partition, event, place)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_scale_factor = 0,
        toast.autovacuum_vacuum_threshold = 10000, toast.autovacuum_vacuum_cost_delay = 0);

-- Calls that were taken to be sent. A mark does not change the call's row.
CREATE TABLE taken (
    partition smallint NOT NULL,
    event     bigint NOT NULL,
    place     integer NOT NULL,
    attempt   uuid NOT NULL,    -- the attempt that took it, so that a repeat of it is recognised
    in_doubt  boolean NOT NULL, -- whether an earlier attempt had taken it
    PRIMARY KEY (partition, event, place)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_cost_delay = 0);

-- The ids of messages that bots keep references to.
CREATE TABLE message (
    partition    smallint NOT NULL,
    event        bigint NOT NULL,
    place        integer NOT NULL,
    conversation text NOT NULL,
    at           bigint NOT NULL,
    message      bigint NOT NULL,
    PRIMARY KEY (partition, event, place)
);

CREATE TABLE reminder (
    partition    smallint NOT NULL,
    event        bigint NOT NULL,
    place        integer NOT NULL,
    conversation text NOT NULL,
    due          bigint NOT NULL,
    reminder     text NOT NULL, -- JSON
    PRIMARY KEY (partition, event, place)
);
CREATE INDEX reminder_due ON reminder (partition, due);
CREATE INDEX reminder_conversation ON reminder (partition, conversation);

-- Events that could not be handled, or calls that could not be sent.
CREATE TABLE dead (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition    smallint NOT NULL,
    at           bigint NOT NULL,
    ordering_key text NOT NULL,
    error        text NOT NULL,
    attempts     integer NOT NULL,
    history      text, -- JSON
    blocks       boolean NOT NULL,
    event        bigint,
    event_at     bigint,
    body         uuid,
    part         integer,
    reminder     text, -- JSON
    call         text  -- JSON
);
CREATE INDEX dead_blocks ON dead (partition, ordering_key) WHERE blocks;

-- Changes that did not come from the process that owns the partition.
CREATE TABLE notice (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition    smallint NOT NULL,
    kind         text NOT NULL, -- event, call or unblocked
    event        bigint,
    place        integer,
    ordering_key text NOT NULL
);

-- Fails if the member does not own one of the partitions in its epoch. Otherwise nobody can take
-- them over before the transaction ends: a take-over locks their rows FOR UPDATE. The statements
-- behind it in the transaction call fenced(), so that none of them runs without it.
CREATE FUNCTION fence(holder uuid, partitions smallint[], epochs bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    owned integer;
BEGIN
    PERFORM pg_current_xact_id(); -- before any event is numbered: readers of new events rely on it
    PERFORM FROM partition
        JOIN unnest(partitions, epochs) AS own (id, epoch) USING (id, epoch)
        WHERE partition.owner = holder
        ORDER BY id
        FOR KEY SHARE OF partition;
    GET DIAGNOSTICS owned = ROW_COUNT;
    IF owned < cardinality(partitions) THEN
        RAISE 'another process owns the partition' USING ERRCODE = 'IB001';
    END IF;
    PERFORM set_config('imbot.fenced', 'on', true);
END
$$;

-- Fails outside of a transaction that has passed the fence.
CREATE FUNCTION fenced() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('imbot.fenced', true) IS DISTINCT FROM 'on' THEN
        RAISE 'a statement has run without its fence' USING ERRCODE = 'IB002';
    END IF;
    RETURN true;
END
$$;

-- Reduces the uses of bodies, and removes those that nothing needs any more.
CREATE FUNCTION release(partitions smallint[], bodies uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    released integer;
    removed integer;
BEGIN
    WITH used AS (
        SELECT own.partition, own.body, count(*) AS uses
        FROM unnest(partitions, bodies) AS own (partition, body)
        WHERE own.body IS NOT NULL
        GROUP BY own.partition, own.body
    ), removed AS (
        DELETE FROM body USING used
        WHERE body.partition = used.partition AND body.id = used.body AND body.uses <= used.uses
        RETURNING body.id
    )
    SELECT (SELECT count(*) FROM used), (SELECT count(*) FROM removed) INTO released, removed;
    IF removed < released THEN
        -- Some are needed by others. Their uses may have changed since the statement before began.
        UPDATE body SET uses = body.uses - used.uses
        FROM (SELECT own.partition, own.body, count(*) AS uses
              FROM unnest(partitions, bodies) AS own (partition, body)
              WHERE own.body IS NOT NULL
              GROUP BY own.partition, own.body) AS used
        WHERE body.partition = used.partition AND body.id = used.body;
        DELETE FROM body USING unnest(partitions, bodies) AS own (partition, id)
        WHERE body.partition = own.partition AND body.id = own.id AND body.uses <= 0;
    END IF;
END
$$;

-- Removes the events of committed turns. Fails if one is gone: its turn was committed before.
CREATE FUNCTION finish(events bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    partitions smallint[];
    bodies uuid[];
BEGIN
    PERFORM fenced();
    WITH gone AS (
        DELETE FROM event USING unnest(events) AS own (id)
        WHERE event.partition = (own.id & 255)::smallint AND event.id = own.id
        RETURNING event.partition, event.body
    )
    SELECT array_agg(gone.partition), array_agg(gone.body) INTO partitions, bodies FROM gone;
    IF coalesce(cardinality(bodies), 0) < cardinality(events) THEN
        RAISE 'an event is gone' USING ERRCODE = 'IB003';
    END IF;
    PERFORM release(partitions, bodies);
END
$$;

-- Appends events of deliveries. Returns the place of each new event among the given ones, and its
-- number. The first event of a delivery holds the delivery's body.
CREATE FUNCTION append(
    appender uuid, occurrences uuid[], partitions smallint[], keys text[], times bigint[],
    bodies uuid[], parts integer[], sealed bytea[]
) RETURNS TABLE (place bigint, number bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    -- Around the border of two buckets an occurrence goes into both, so that two transactions at
    -- the same time meet in one of them.
    earliest bigint := floor(extract(epoch FROM now() - interval '1 minute') / 43200);
    latest bigint := floor(extract(epoch FROM now() + interval '1 minute') / 43200);
    new_places bigint[];
    new_numbers bigint[];
    last_number bigint;
    last_at bigint;
BEGIN
    PERFORM pg_current_xact_id(); -- before any event is numbered: readers of new events rely on it
    -- A transaction that only meets repeats writes this, so that its commit waits for a standby.
    PERFORM pg_logical_emit_message(true, 'imbot', '');

    WITH given AS (
        SELECT own.*
        FROM unnest(occurrences, partitions) WITH ORDINALITY AS own (occurrence, partition, place)
    ), once AS (
        SELECT occurrence, min(place) AS place FROM given GROUP BY occurrence
    ), fresh AS (
        INSERT INTO seen AS known (slot, occurrence, bucket)
        SELECT (bucket % 4)::smallint, once.occurrence, bucket
        FROM once, generate_series(earliest, latest) AS bucket
        WHERE (SELECT true FROM seen AS before
               WHERE before.slot = ((earliest - 1) % 4)::smallint
               AND before.occurrence = once.occurrence AND before.bucket >= earliest - 2) IS NULL
          AND (SELECT true FROM seen AS before
               WHERE before.slot = ((earliest - 2) % 4)::smallint
               AND before.occurrence = once.occurrence AND before.bucket >= earliest - 2) IS NULL
          -- Before the clock was set back, it went into what is the next bucket now.
          AND (SELECT true FROM seen AS after
               WHERE after.slot = ((latest + 1) % 4)::smallint
               AND after.occurrence = once.occurrence AND after.bucket = latest + 1) IS NULL
        ORDER BY bucket, once.occurrence
        -- A slot that was not emptied in time holds occurrences of four buckets before.
        ON CONFLICT (slot, occurrence) DO UPDATE SET bucket = excluded.bucket
            WHERE known.bucket <= excluded.bucket - 4
        RETURNING known.occurrence
    ), numbered AS (
        SELECT place, nextval('event_number') * 256 + partition AS number
        FROM (
            SELECT given.place, given.partition
            FROM once JOIN given USING (place)
            WHERE once.occurrence IN
                (SELECT occurrence FROM fresh GROUP BY occurrence HAVING count(*) > latest - earliest)
            ORDER BY given.place
            OFFSET 0
        ) AS ordered
    )
    SELECT array_agg(place ORDER BY place), array_agg(number ORDER BY place)
    INTO new_places, new_numbers FROM numbered;

    IF new_places IS NULL THEN
        RETURN;
    END IF;

    WITH new AS (
        SELECT * FROM unnest(new_places, new_numbers) AS new (place, number)
    ), given AS (
        SELECT own.*
        FROM unnest(partitions, keys, times, bodies, parts, sealed) WITH ORDINALITY
            AS own (partition, key, at, body, part, sealed, place)
    ), appended AS (
        INSERT INTO event (partition, id, ordering_key, at, body, part)
        SELECT partition, number, key, at, body, part
        FROM new JOIN given USING (place)
        ORDER BY place
    )
    INSERT INTO body (partition, id, uses, sealed)
    SELECT partition, body, count(number), (array_agg(sealed ORDER BY place))[1]
    FROM given LEFT JOIN new USING (place)
    GROUP BY partition, body
    HAVING count(number) > 0
    ORDER BY partition, body;

    last_number := new_numbers[cardinality(new_numbers)];
    last_at := times[new_places[cardinality(new_places)]];
    INSERT INTO arrival AS known (member, event, at) VALUES (appender, last_number, last_at)
    ON CONFLICT (member) DO UPDATE SET event = excluded.event, at = excluded.at
        WHERE abs(excluded.at - known.at) >= 1000;

    RETURN QUERY SELECT * FROM unnest(new_places, new_numbers);
END
$$;
