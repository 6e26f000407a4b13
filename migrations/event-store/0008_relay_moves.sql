-- The relay's row no longer decays. While an old snapshot is open in this database (a backup, a report), no version of a row
-- that was updated since can be removed, and every update of the row walks past all of them: seen, 544 pages and 6.7 ms for
-- one move after five minutes. So a move is a new row under the next number in the place of the one before, and the newest
-- is found from the end of the index, where nothing dead stands before it. The times of publication are kept in the same
-- way; those to be forgotten are named by their number, so that no search passes over what was forgotten before.
--
-- Processes of the version before may run on beside this. Their update of the one row that is visible is a move as well, and
-- is noted by the trigger below. Only their `log adopt` is not to be used once this is applied.

-- A key that is always the same would have each new row compared with all the dead ones.
ALTER TABLE relay
    DROP CONSTRAINT relay_pkey,
    ADD COLUMN number bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT relay_number PRIMARY KEY (number);

-- When the relay's checkpoint reached which position, by the number of the move. The last 65,536 moves are remembered: 20
-- minutes of uninterrupted load, or days of little. The oldest entry tells from where on they are known, and nothing else.
-- In place of `published`, which only processes of the version before still use.
CREATE TABLE publication (
    number bigint PRIMARY KEY,
    position bigint NOT NULL,
    at timestamptz NOT NULL
);

-- A slot of the ring was a move's number without its multiples of 65,536.
INSERT INTO publication (number, position, at)
SELECT r.moves - (r.moves - p.slot + 65536) % 65536, p.position, p.at
FROM relay r, published p
WHERE p.slot <= r.moves;

ALTER TABLE publication OWNER TO marquee_event_store;
GRANT SELECT ON publication TO marquee_event_relay;

-- The relay's row. The settings are those of `append_batch`: a table that is small when the plan is made would be scanned
-- for ever.
CREATE FUNCTION relay_row() RETURNS SETOF relay
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY SELECT r.* FROM relay r ORDER BY r.number DESC LIMIT 1;
END
$$;

-- Takes the lease if it is free or has expired by the database's clock; gives the new epoch, or null.
--
-- In each of the functions below the first statement is the lock and the fence: a row that was replaced while it was waited
-- for is gone, and what was to be done with it is over. None waits for the disk: after a crash the checkpoint may be a
-- little behind, the fence compares the holder too, and a crash ends every connection. And who waits for a standby holds
-- the row meanwhile, against the next leader.
CREATE FUNCTION relay_acquire(new_holder uuid, ttl interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held relay;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM relay r
    WHERE r.number = (SELECT newest.number FROM relay newest ORDER BY newest.number DESC LIMIT 1)
        AND (r.holder = new_holder OR r.expires_at <= clock_timestamp())
    RETURNING r.* INTO held;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO relay (number, holder, epoch, expires_at, log_id, position, event_id, watermark, moves)
    VALUES (
        held.number + 1, new_holder, held.epoch + 1, clock_timestamp() + ttl,
        held.log_id, held.position, held.event_id, held.watermark, held.moves
    );
    RETURN held.epoch + 1;
END
$$;

-- Extends the lease by its whole time, or gives it back when that is null; false when another holder or epoch has it.
CREATE FUNCTION relay_renew(by_holder uuid, of_epoch bigint, ttl interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held relay;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM relay r
    WHERE r.number = (SELECT newest.number FROM relay newest ORDER BY newest.number DESC LIMIT 1)
        AND r.holder = by_holder AND r.epoch = of_epoch
    RETURNING r.* INTO held;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO relay (number, holder, epoch, expires_at, log_id, position, event_id, watermark, moves)
    VALUES (
        held.number + 1, CASE WHEN ttl IS NOT NULL THEN by_holder END, of_epoch,
        coalesce(clock_timestamp() + ttl, '-infinity'),
        held.log_id, held.position, held.event_id, held.watermark, held.moves
    );
    RETURN true;
END
$$;

-- Moves the checkpoint and extends the lease; false when another holder or epoch has it, the checkpoint would go backward, or
-- its event is not in the log, which went back together with a lease that looks the same.
CREATE FUNCTION relay_advance(
    by_holder uuid, of_epoch bigint, ttl interval,
    in_log uuid, to_position bigint, to_event uuid, to_watermark bigint
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held_number bigint;
    held_position bigint;
    move bigint;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM relay r
    WHERE r.number = (SELECT newest.number FROM relay newest ORDER BY newest.number DESC LIMIT 1)
        AND r.holder = by_holder AND r.epoch = of_epoch AND r.position <= to_position AND r.watermark <= to_watermark
        AND to_event IS NOT DISTINCT FROM (SELECT e.event_id FROM events e WHERE e.position = to_position)
    RETURNING r.number, r.position, r.moves INTO held_number, held_position, move;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Where only the watermark moves, the time at which the position was reached stays.
    IF held_position < to_position THEN
        move := move + 1;
        INSERT INTO publication (number, position, at) VALUES (move, to_position, clock_timestamp());
        DELETE FROM publication p WHERE p.number = move - 65536;
    END IF;
    INSERT INTO relay (number, holder, epoch, expires_at, log_id, position, event_id, watermark, moves)
    VALUES (
        held_number + 1, by_holder, of_epoch, clock_timestamp() + ttl,
        in_log, to_position, to_event, to_watermark, move
    );
    RETURN true;
END
$$;

-- A process of the version before has moved the checkpoint.
CREATE FUNCTION relay_was_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO publication (number, position, at) VALUES (NEW.moves, NEW.position, clock_timestamp());
    DELETE FROM publication p WHERE p.number = NEW.moves - 65536;
    RETURN NULL;
END
$$;

CREATE TRIGGER relay_was_updated AFTER UPDATE OF moves ON relay
    FOR EACH ROW WHEN (NEW.moves > OLD.moves) EXECUTE FUNCTION relay_was_updated();

ALTER FUNCTION relay_row OWNER TO marquee_event_store;
ALTER FUNCTION relay_acquire OWNER TO marquee_event_store;
ALTER FUNCTION relay_renew OWNER TO marquee_event_store;
ALTER FUNCTION relay_advance OWNER TO marquee_event_store;
ALTER FUNCTION relay_was_updated OWNER TO marquee_event_store;
REVOKE ALL ON FUNCTION relay_row, relay_acquire, relay_renew, relay_advance, relay_was_updated FROM PUBLIC;
GRANT EXECUTE ON FUNCTION relay_row, relay_acquire, relay_renew, relay_advance TO marquee_event_relay;
