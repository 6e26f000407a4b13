-- Made after a rebuild has loaded the tables.
CREATE INDEX movies_by_title ON movies (title, id) WHERE NOT gone;
CREATE INDEX movies_by_premiere ON movies (premiere_date, id) WHERE NOT gone;
CREATE INDEX movies_by_genre ON movies USING gin (genres) WHERE NOT gone;
CREATE INDEX movies_by_word ON movies USING gin (search) WHERE NOT gone;
