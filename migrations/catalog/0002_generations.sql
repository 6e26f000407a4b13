-- What rebuilds and operators leave behind. It is changed under the lock of the projection's row, but for what is removed.

-- Generations are counted and never used twice; a paused projection applies nothing.
ALTER TABLE projection
    ADD COLUMN last_generation bigint DEFAULT 1,
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN paused_by text,
    ADD COLUMN paused_reason text,
    -- Where in the ring the last checkpoint is.
    ADD COLUMN applied_slot integer NOT NULL DEFAULT 0;
UPDATE projection SET last_generation = generation;
ALTER TABLE projection
    ALTER COLUMN last_generation SET NOT NULL,
    ADD CHECK (last_generation >= generation);

-- The generations that are not live, each with a checkpoint of its own, so that it can be caught up and switched to.
CREATE TABLE generation (
    projection      text NOT NULL,
    number          bigint NOT NULL CHECK (number > 0),
    -- building: a rebuild works on it, or it was given up; without a rebuild at work it is removed. retired: kept for a
    -- rollback.
    state           text NOT NULL CHECK (state IN ('building', 'retired')),
    version         integer NOT NULL,
    binding_version integer NOT NULL,
    position        bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id        uuid,
    log_id          uuid,
    recorded_at     timestamptz,
    parked_streams  bigint NOT NULL DEFAULT 0 CHECK (parked_streams >= 0),
    -- Since when it has stood aside: what was discarded later, it may have applied.
    since           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, number),
    CHECK ((position = 0) = (event_id IS NULL)),
    CHECK ((position = 0) = (log_id IS NULL))
);

-- The last rebuild or rollback of each projection, for whoever asks how it goes, in whatever process it runs.
CREATE TABLE rebuild (
    projection       text PRIMARY KEY,
    running          boolean NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    report           jsonb NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- Events that an operator has decided to pass over. A rebuild passes over them too.
CREATE TABLE discarded_event (
    projection     text NOT NULL,
    event_id       uuid NOT NULL,
    position       bigint NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    sequence       bigint NOT NULL,
    event_type     text NOT NULL,
    discarded_at   timestamptz NOT NULL DEFAULT now(),
    discarded_by   text NOT NULL,
    reason         text NOT NULL,
    PRIMARY KEY (projection, event_id)
);

-- What operators did: pause, resume, rebuild, rollback, retry, discard. Without personal data.
CREATE TABLE operator_action (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    action     text NOT NULL,
    who        text NOT NULL,
    why        text,
    subject    text
);
CREATE INDEX operator_action_of_projection ON operator_action (projection, id DESC);

-- When the last checkpoints were reached: a ring, whose slots are used again. Only for tracing an event.
CREATE TABLE applied (
    projection text NOT NULL,
    slot       integer NOT NULL,
    position   bigint NOT NULL,
    generation bigint NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (projection, slot)
) WITH (fillfactor = 50);
