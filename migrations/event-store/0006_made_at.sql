-- When this store was made. Events that were recorded before were put here by a restore of data alone, which leaves the rows
-- that a migration makes as they are: the relay's says then that nothing was published, and that is not known.
ALTER TABLE log ADD COLUMN made_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- A store that is older than this migration was made before its first event.
UPDATE log SET made_at = least(made_at, (SELECT recorded_at FROM events WHERE position = 1));
