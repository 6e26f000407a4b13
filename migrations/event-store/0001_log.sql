-- The log of all events, which is also the outbox: a relay publishes it by a checkpoint over `position`,
-- so that an event and its publication can never disagree and nothing has to be cleaned up.

-- Owns the tables and the append function, and cannot log in: no service can do more than it is granted here.
DO $$
BEGIN
    CREATE ROLE marquee_event_store NOLOGIN;
EXCEPTION
    -- Roles belong to the whole server: another database's migration may have made it, this very moment too.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, '
        'marquee_catalog', current_database()
    );
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO
    marquee_event_store, marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, marquee_catalog;

-- Identity of the log. A restore or a promotion gives it a new one: a reader that was ahead then knows.
CREATE TABLE log (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    log_id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO log DEFAULT VALUES;

CREATE TABLE events (
    position bigint NOT NULL CHECK (position > 0),
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT events_stream PRIMARY KEY (aggregate_type, aggregate_id, sequence),
    CONSTRAINT events_position UNIQUE (position),
    CONSTRAINT events_event_id UNIQUE (event_id)
);

-- The answers of accepted commands that carried an Idempotency-Key, without personal data.
CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    location text,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_recorded_at ON idempotency_keys (recorded_at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE log OWNER TO marquee_event_store;
ALTER TABLE events OWNER TO marquee_event_store;
ALTER TABLE idempotency_keys OWNER TO marquee_event_store;
ALTER FUNCTION refuse_change() OWNER TO marquee_event_store;

GRANT SELECT ON log, events TO
    marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, marquee_catalog;
GRANT SELECT, DELETE ON idempotency_keys TO marquee_command_api;
