-- Made after a rebuild has loaded the tables.
CREATE INDEX users_by_name ON users (full_name, id) WHERE NOT gone;
CREATE INDEX users_by_name_word ON users USING gin (array_to_tsvector(name_words)) WHERE NOT gone;
-- Without those who have no role, which are most: an empty array would be an entry like any other.
CREATE INDEX users_by_role ON users USING gin (roles) WHERE NOT gone AND roles <> '{}';
