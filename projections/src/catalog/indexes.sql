-- Made after a rebuild has loaded the tables.
CREATE INDEX cinemas_by_city ON cinemas (city_id, name, id) INCLUDE (gone);
