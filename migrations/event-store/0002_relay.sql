-- The relay's own row: who publishes the log, and how far it has come. One row for both, so that moving the
-- checkpoint and losing the lease cannot cross.

CREATE TABLE relay (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- The lease: whoever holds it publishes. A new holder raises the epoch, which fences the one before.
    holder uuid,
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    -- The checkpoint: everything up to `position` is confirmed by the broker; `watermark` is the end of the last
    -- range that was closed.
    log_id uuid,
    position bigint NOT NULL DEFAULT 0,
    event_id uuid,
    watermark bigint NOT NULL DEFAULT 0,
    CONSTRAINT relay_checkpoint CHECK (
        watermark >= 0 AND watermark <= position AND (event_id IS NULL) = (position = 0)
    )
) WITH (fillfactor = 50); -- Room for new versions of the row on its page: it is updated for ever.

INSERT INTO relay DEFAULT VALUES;

ALTER TABLE relay OWNER TO marquee_event_store;

GRANT SELECT, UPDATE ON relay TO marquee_event_relay;
