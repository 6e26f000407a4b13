-- What is appended waits for the disk, whatever the session says. A command is answered as accepted after its commit, and a
-- commit with synchronous_commit off is answered before it is written: a crash of the server then takes it away. A role's
-- setting or, seen behind a pooler that shares sessions, another client's can be that.
--
-- It is said where rows are inserted and not in the functions, so that it holds for every version of them. The setting lasts to
-- the end of the transaction. Nothing is weakened: remote_apply stays.
CREATE FUNCTION insist_on_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER events_durable BEFORE INSERT ON events
    FOR EACH STATEMENT EXECUTE FUNCTION insist_on_disk();
CREATE TRIGGER idempotency_keys_durable BEFORE INSERT ON idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION insist_on_disk();

ALTER FUNCTION insist_on_disk() OWNER TO marquee_event_store;
