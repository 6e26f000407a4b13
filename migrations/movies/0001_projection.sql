-- The projection's row: what stands outside of all generations, so that consumer, park, switch and rollback can lock
-- it first and then read which generation is live. It is made together with the first generation.
CREATE TABLE projection (
    name            text PRIMARY KEY,
    generation      bigint NOT NULL CHECK (generation > 0),
    -- Versions of the code that made the generation: its logic, and the set of bindings that fed it.
    version         integer NOT NULL,
    binding_version integer NOT NULL,
    -- The checkpoint: everything up to position is applied. The event at position and the log it was read from prove
    -- that the log still is the one this read model was made from.
    position        bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id        uuid,
    log_id          uuid,
    recorded_at     timestamptz,
    -- Raised by each consumer with its first commit; an older one can commit no more.
    consumer_epoch  bigint NOT NULL DEFAULT 0,
    -- Streams with parked events in the live generation; 0 spares looking for them.
    parked_streams  bigint NOT NULL DEFAULT 0 CHECK (parked_streams >= 0),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((position = 0) = (event_id IS NULL)),
    CHECK ((position = 0) = (log_id IS NULL))
);
