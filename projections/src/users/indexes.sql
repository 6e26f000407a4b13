-- Made after a rebuild has loaded the tables.
CREATE INDEX users_by_name ON users (full_name, id) WHERE NOT gone;
CREATE INDEX users_by_search_key ON users (search_key, id) WHERE NOT gone;
-- A search reads the list of what is pending from end to end: a short one.
CREATE INDEX users_by_name_word ON users USING gin (search_names) WITH (gin_pending_list_limit = 256) WHERE NOT gone;
-- Without those who have no role, which are most: an empty array would be an entry like any other.
CREATE INDEX users_by_role ON users USING gin (roles) WHERE NOT gone AND roles <> '{}';
