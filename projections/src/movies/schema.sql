-- One row per movie's stream. A withdrawn movie's row stays, marked gone, so that the order in which streams are applied
-- does not matter. Ids and keys compare by bytes, titles by the rules common to all languages.
--
-- What is not known is null. A premiere is as exact as it is known ('1979-05-25', '1979-05', '1979'), from the first to the
-- last day it can be; one that is not known is from the end of all time to its beginning, so that it comes last in either
-- order and is in no window. The facts are what a movie is answered with besides; the facets are words by which lists are
-- narrowed, such as 'country:DE'; the claims tell since which position the movie has each of its external ids.
CREATE TABLE movies (
    id              text COLLATE "C" PRIMARY KEY,
    title           text COLLATE "und-x-icu" NOT NULL,
    synopsis        text,
    runtime_minutes integer,
    age_rating      text,
    genres          text[] NOT NULL,
    premiere_date   text,
    premiere_from   date NOT NULL,
    premiere_to     date NOT NULL,
    facts           jsonb NOT NULL,
    facets          text[] NOT NULL,
    claims          jsonb NOT NULL,
    announced_at    timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    sequence        bigint NOT NULL,
    gone            boolean NOT NULL,
    -- What the movie is found by, made of titles, people and text by the code of the search.
    search_key      text COLLATE "C" NOT NULL,
    search_names    tsvector NOT NULL,
    search_words    tsvector NOT NULL
);
