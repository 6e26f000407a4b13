-- Append: a batch of commands in one round trip, each accepted or refused by itself.
--
-- Arrays with `command_` hold one element per command, those with `event_` one per event, in order; `event_command` is
-- the 1-based index of the event's command. Places are counted here, so that no caller can make a hole in the log.
-- The caller sees to it that in a batch no command touches a stream that another one appends to, and that no two
-- share an idempotency key.
--
-- Outcome per command, in order of precedence:
--   appended    its events are in the log, by this call or by an earlier copy of it (a resubmission changes nothing);
--               without events: nothing to append and the expected sequence holds
--   replayed    the key was used before by the same request: the recorded answer
--   key_reused  the key was used before by another request
--   conflict    the stream, or the guarded stream, is not where the command expects it
CREATE FUNCTION append(
    command_aggregate_type text[],
    command_aggregate_id text[],
    command_expected_sequence bigint[],
    command_last_event_id uuid[],
    command_guard_type text[],
    command_guard_id text[],
    command_guard_sequence bigint[],
    command_principal text[],
    command_key text[],
    command_request_hash bytea[],
    command_status smallint[],
    command_location text[],
    event_command bigint[],
    event_id uuid[],
    event_type text[],
    event_version text[],
    event_payload text[],
    event_metadata text[]
)
RETURNS TABLE (
    command bigint, outcome text, sequence bigint, "position" bigint, status smallint, location text, log_id uuid
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
-- A fresh table has no statistics: without these the plan may be a scan, and stays so until someone analyzes. The
-- disabled scans look expensive to the planner, which would then compile the plan on every session: hence no jit.
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    now_ timestamptz;
BEGIN
    -- Under a snapshot of the whole transaction the checks below would not see what was committed while we waited.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;
    -- In a statement of its own: the next statement's snapshot is then younger than the wait. Held until the commit
    -- is visible, so that position order is commit order. No EXCEPTION block here: it would release the lock.
    PERFORM pg_advisory_xact_lock(1);

    -- max(position) gets a linear plan on an empty table.
    SELECT e.position INTO head FROM events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    now_ := clock_timestamp();

    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(
            command_aggregate_type, command_aggregate_id, command_expected_sequence, command_last_event_id,
            command_guard_type, command_guard_id, command_guard_sequence,
            command_principal, command_key, command_request_hash, command_status, command_location
        ) WITH ORDINALITY AS c (
            aggregate_type, aggregate_id, expected_sequence, last_event_id,
            guard_type, guard_id, guard_sequence,
            principal, key, request_hash, status, location, command
        )
    ), decided AS MATERIALIZED (
        SELECT
            c.*,
            CASE
                WHEN written.position IS NOT NULL THEN 'written'
                WHEN record.request_hash = c.request_hash THEN 'replayed'
                WHEN record.request_hash IS NOT NULL THEN 'key_reused'
                WHEN coalesce(stream.sequence, 0) <> c.expected_sequence THEN 'conflict'
                WHEN c.guard_type IS NOT NULL AND coalesce(guard.sequence, 0) <> c.guard_sequence THEN 'conflict'
                ELSE 'accepted'
            END AS decision,
            coalesce(written.sequence, record.sequence, stream.sequence, 0) AS found_sequence,
            coalesce(written.position, record.position, stream.position, 0) AS found_position,
            record.status AS found_status,
            record.location AS found_location
        FROM given c
        LEFT JOIN LATERAL (
            SELECT e.sequence, e.position FROM events e WHERE e.event_id = c.last_event_id LIMIT 1
        ) written ON true
        LEFT JOIN LATERAL (
            SELECT k.* FROM idempotency_keys k WHERE k.principal = c.principal AND k.key = c.key LIMIT 1
        ) record ON true
        LEFT JOIN LATERAL (
            SELECT e.sequence, e.position FROM events e
            WHERE e.aggregate_type = c.aggregate_type AND e.aggregate_id = c.aggregate_id
            ORDER BY e.sequence DESC LIMIT 1
        ) stream ON true
        LEFT JOIN LATERAL (
            SELECT e.sequence FROM events e
            WHERE e.aggregate_type = c.guard_type AND e.aggregate_id = c.guard_id
            ORDER BY e.sequence DESC LIMIT 1
        ) guard ON true
    ), placed AS MATERIALIZED (
        SELECT
            e.*, d.aggregate_type, d.aggregate_id,
            head + row_number() OVER (ORDER BY e.command, e.ordinal) AS position,
            d.expected_sequence + row_number() OVER (PARTITION BY e.command ORDER BY e.ordinal) AS sequence
        FROM unnest(event_command, event_id, event_type, event_version, event_payload, event_metadata) WITH ORDINALITY
            AS e (command, id, type, version, payload, metadata, ordinal)
        JOIN decided d ON d.command = e.command
        WHERE d.decision = 'accepted'
    ), answered AS MATERIALIZED (
        SELECT
            d.*,
            coalesce(p.sequence, d.found_sequence) AS last_sequence,
            coalesce(p.position, d.found_position) AS last_position
        FROM decided d
        LEFT JOIN (
            SELECT p.command, max(p.sequence) AS sequence, max(p.position) AS position FROM placed p GROUP BY p.command
        ) p ON p.command = d.command
    ), inserted AS (
        INSERT INTO events (
            position, aggregate_type, aggregate_id, sequence,
            event_id, event_type, event_version, payload, metadata, recorded_at
        )
        SELECT
            p.position, p.aggregate_type, p.aggregate_id, p.sequence,
            p.id, p.type, p.version, p.payload::jsonb, p.metadata::jsonb, now_
        FROM placed p
        ORDER BY p.position
    ), recorded AS (
        INSERT INTO idempotency_keys (principal, key, request_hash, status, location, sequence, position, recorded_at)
        SELECT a.principal, a.key, a.request_hash, a.status, a.location, a.last_sequence, a.last_position, now_
        FROM answered a
        WHERE a.decision = 'accepted' AND a.key IS NOT NULL
    )
    SELECT
        a.command,
        CASE WHEN a.decision IN ('written', 'accepted') THEN 'appended' ELSE a.decision END,
        a.last_sequence,
        a.last_position,
        a.found_status,
        a.found_location,
        (SELECT l.log_id FROM log l)
    FROM answered a
    ORDER BY a.command;
END
$$;

ALTER FUNCTION append OWNER TO marquee_event_store;
REVOKE ALL ON FUNCTION append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append TO marquee_command_api;
