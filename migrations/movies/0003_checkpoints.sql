-- The checkpoint no longer decays. While an old snapshot is open in this database (a backup, a report, a rebuild's own
-- comparison), no version of a row that was updated since can be removed, and every update of the row walks past all of
-- them: seen, 544 pages and 6.7 ms for one move after five minutes at 400 commands a second. So a move is a new row under
-- the next number, and the newest is found from the end of the index, where nothing dead stands before it. The row that
-- locks stays where it is and changes only when an operator changes something.
--
-- Processes of the version before may run on beside this: `projection` is a view now, which shows them what they know,
-- locks what they lock, and turns their updates into moves. Only the first generation of a new read model cannot be made by
-- them.

ALTER TABLE projection RENAME TO projection_control;

-- The last checkpoints, in the order in which they were reached: the newest is the checkpoint, the others tell when an
-- event was applied. In place of the ring `applied`, which only processes of the version before still use.
CREATE TABLE checkpoint (
    projection     text NOT NULL,
    -- Rises by one. Of the moves, the last 65,536 are kept.
    move           bigint NOT NULL,
    -- Everything up to position is applied. The event at position and the log it was read from prove that the log still is
    -- the one this read model was made from.
    position       bigint NOT NULL CHECK (position >= 0),
    event_id       uuid,
    log_id         uuid,
    recorded_at    timestamptz,
    -- Raised by each consumer with its first commit; an older one can commit no more.
    consumer_epoch bigint NOT NULL,
    -- Streams with parked events in the live generation; 0 spares looking for them.
    parked_streams bigint NOT NULL CHECK (parked_streams >= 0),
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, move)
);

INSERT INTO checkpoint (projection, move, position, consumer_epoch, parked_streams, at)
SELECT projection, row_number() OVER (PARTITION BY projection ORDER BY at, position), position, 0, 0, at
FROM applied;
INSERT INTO checkpoint (projection, move, position, event_id, log_id, recorded_at, consumer_epoch, parked_streams, at)
SELECT p.name, coalesce((SELECT max(c.move) FROM checkpoint c WHERE c.projection = p.name), 0) + 1,
    p.position, p.event_id, p.log_id, p.recorded_at, p.consumer_epoch, p.parked_streams, p.updated_at
FROM projection_control p;

-- Not of what was taken over from the ring, which tells a position and a time.
ALTER TABLE checkpoint
    ADD CHECK ((position = 0) = (event_id IS NULL)) NOT VALID,
    ADD CHECK ((position = 0) = (log_id IS NULL)) NOT VALID;

ALTER TABLE projection_control
    DROP COLUMN position,
    DROP COLUMN event_id,
    DROP COLUMN log_id,
    DROP COLUMN recorded_at,
    DROP COLUMN consumer_epoch,
    DROP COLUMN parked_streams,
    DROP COLUMN updated_at,
    DROP COLUMN applied_slot;

-- The newest checkpoint of a projection. A table that is small when the plan is made would be scanned for ever: hence the
-- settings.
CREATE FUNCTION newest_checkpoint(of_projection text) RETURNS SETOF checkpoint
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT c.* FROM public.checkpoint c WHERE c.projection = of_projection ORDER BY c.move DESC LIMIT 1;
END
$$;

-- The projection's row: what an operator decides, and the newest checkpoint. To lock it is to lock the control row.
CREATE VIEW projection AS
SELECT
    p.name, p.generation, p.version, p.binding_version,
    c.position, c.event_id, c.log_id, c.recorded_at, c.consumer_epoch, c.parked_streams, c.at AS updated_at,
    p.last_generation, p.paused_at, p.paused_by, p.paused_reason, (c.move % 65536)::integer AS applied_slot
FROM projection_control p, newest_checkpoint(p.name) c;

-- Locks the projection's row and moves its checkpoint, if the row is where the consumer left it, not paused, and the
-- generation is the code's; otherwise gives no row, and nothing has changed.
--
-- The consumer's epoch is null before its first move, which takes the next one.
CREATE FUNCTION move_checkpoint(
    of_projection text, code_version integer, code_binding_version integer,
    from_position bigint, from_event uuid, of_epoch bigint,
    to_position bigint, to_event uuid, in_log uuid, event_recorded_at timestamptz
) RETURNS TABLE (generation bigint, consumer_epoch bigint, parked_streams bigint)
LANGUAGE plpgsql ROWS 1
AS $$
#variable_conflict use_column
DECLARE
    live bigint;
    held public.checkpoint;
    epoch bigint;
BEGIN
    -- Under a snapshot of the whole transaction the checkpoint would not be seen that was committed while we waited.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'move_checkpoint needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;
    SELECT p.generation INTO live FROM public.projection_control p
    WHERE p.name = of_projection AND p.version = code_version AND p.binding_version = code_binding_version
        AND p.paused_at IS NULL
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- In a statement of its own: its snapshot is younger than the wait for the lock.
    SELECT c.* INTO held FROM public.checkpoint c WHERE c.projection = of_projection ORDER BY c.move DESC LIMIT 1;
    IF NOT FOUND OR held.position <> from_position OR held.event_id IS DISTINCT FROM from_event
        OR held.consumer_epoch <> of_epoch
    THEN
        RETURN;
    END IF;
    epoch := coalesce(of_epoch, held.consumer_epoch + 1);
    INSERT INTO public.checkpoint (
        projection, move, position, event_id, log_id, recorded_at, consumer_epoch, parked_streams
    ) VALUES (
        of_projection, held.move + 1, to_position, to_event, in_log, event_recorded_at, epoch, held.parked_streams
    );
    -- By its number, so that no search passes over what was removed before.
    DELETE FROM public.checkpoint c WHERE c.projection = of_projection AND c.move = held.move + 1 - 65536;
    RETURN QUERY SELECT live, epoch, held.parked_streams;
END
$$;

-- Changes the projection's row as an update says, unless somebody has changed it since the update looked at it: then it
-- changes nothing.
CREATE FUNCTION change_projection() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held public.projection;
    last_move bigint;
BEGIN
    PERFORM FROM public.projection_control p WHERE p.name = OLD.name FOR UPDATE;
    SELECT p.* INTO held FROM public.projection p WHERE p.name = OLD.name;
    IF held IS DISTINCT FROM OLD THEN
        RETURN NULL;
    END IF;
    IF (NEW.generation, NEW.version, NEW.binding_version, NEW.last_generation, NEW.paused_at, NEW.paused_by, NEW.paused_reason)
        IS DISTINCT FROM
        (OLD.generation, OLD.version, OLD.binding_version, OLD.last_generation, OLD.paused_at, OLD.paused_by, OLD.paused_reason)
    THEN
        UPDATE public.projection_control p SET
            generation = NEW.generation, version = NEW.version, binding_version = NEW.binding_version,
            last_generation = NEW.last_generation,
            paused_at = NEW.paused_at, paused_by = NEW.paused_by, paused_reason = NEW.paused_reason
        WHERE p.name = OLD.name;
    END IF;
    IF (NEW.position, NEW.event_id, NEW.log_id, NEW.recorded_at, NEW.consumer_epoch, NEW.parked_streams)
        IS DISTINCT FROM
        (OLD.position, OLD.event_id, OLD.log_id, OLD.recorded_at, OLD.consumer_epoch, OLD.parked_streams)
    THEN
        SELECT c.move INTO last_move FROM public.newest_checkpoint(OLD.name) c;
        INSERT INTO public.checkpoint (
            projection, move, position, event_id, log_id, recorded_at, consumer_epoch, parked_streams
        ) VALUES (
            OLD.name, last_move + 1, NEW.position, NEW.event_id, NEW.log_id, NEW.recorded_at, NEW.consumer_epoch,
            NEW.parked_streams
        );
        DELETE FROM public.checkpoint c WHERE c.projection = OLD.name AND c.move = last_move + 1 - 65536;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER change_projection INSTEAD OF UPDATE ON projection
    FOR EACH ROW EXECUTE FUNCTION change_projection();
