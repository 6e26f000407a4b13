-- One row per cinema's and per movie's stream; a cinema's programme is an array in its row and is joined with the movies when
-- it is asked for, so that neither kind of stream writes the other's rows. Closed cinemas and withdrawn movies keep their
-- rows, marked gone. Ids compare by bytes, names by the rules common to all languages.
-- What is not known of a movie is null; its premiere is as exact as it is known ('1979-05-25', '1979-05', '1979').
CREATE TABLE cinemas (
    id         text COLLATE "C" PRIMARY KEY,
    name       text COLLATE "und-x-icu" NOT NULL,
    city_id    text COLLATE "C" NOT NULL,
    address    text NOT NULL,
    time_zone  text NOT NULL,
    programme  text[] NOT NULL,
    opened_at  timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    sequence   bigint NOT NULL,
    gone       boolean NOT NULL
);

CREATE TABLE movies (
    id              text COLLATE "C" PRIMARY KEY,
    title           text NOT NULL,
    runtime_minutes integer,
    age_rating      text,
    ratings         jsonb NOT NULL,
    genres          text[] NOT NULL,
    premiere_date   text,
    sequence        bigint NOT NULL,
    gone            boolean NOT NULL
);
