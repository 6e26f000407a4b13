-- One row per movie's stream. A withdrawn movie's row stays, marked gone, so that the order in which streams are applied
-- does not matter. Ids compare by bytes, titles by the rules common to all languages.
--
-- Every word is searched for twice: as it stands ('simple'; 'english' alone would drop titles such as "It" and "Us") and by
-- its English stem (so that "detectives" finds "detective").
CREATE TABLE movies (
    id              text COLLATE "C" PRIMARY KEY,
    title           text COLLATE "und-x-icu" NOT NULL,
    synopsis        text NOT NULL,
    runtime_minutes integer NOT NULL,
    age_rating      text NOT NULL,
    genres          text[] NOT NULL,
    premiere_date   date NOT NULL,
    announced_at    timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    sequence        bigint NOT NULL,
    gone            boolean NOT NULL,
    search          tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title) || to_tsvector('english', title), 'A')
        || setweight(to_tsvector('simple', synopsis) || to_tsvector('english', synopsis), 'D')
    ) STORED
);
