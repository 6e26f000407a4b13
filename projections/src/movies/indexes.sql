-- Made after a rebuild has loaded the tables.
CREATE INDEX movies_by_title ON movies (title, id) WHERE NOT gone;
CREATE INDEX movies_by_premiere ON movies (premiere_from, id) WHERE NOT gone;
CREATE INDEX movies_by_last_premiere ON movies (premiere_to, id) WHERE NOT gone;
CREATE INDEX movies_by_facet ON movies USING gin (facets) WHERE NOT gone;
CREATE INDEX movies_by_genre ON movies USING gin (genres) WHERE NOT gone;
CREATE INDEX movies_by_search_key ON movies (search_key, id) WHERE NOT gone;
-- A search reads the list of what is pending from end to end: a short one.
CREATE INDEX movies_by_name_word ON movies USING gin (search_names) WITH (gin_pending_list_limit = 256) WHERE NOT gone;
CREATE INDEX movies_by_word ON movies USING gin (search_words) WITH (gin_pending_list_limit = 256) WHERE NOT gone;
