-- One row per user's stream. A deleted user's row stays, without personal data, so that the order in which streams are
-- applied does not matter. Ids and keys compare by bytes, names by the rules common to all languages.
CREATE TABLE users (
    id            text COLLATE "C" PRIMARY KEY,
    full_name     text COLLATE "und-x-icu" NOT NULL,
    email         text,
    roles         text[] NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    last_login_at timestamptz,
    sequence      bigint NOT NULL,
    gone          boolean NOT NULL,
    -- What the user is found by, made of the name by the code of the search.
    search_key    text COLLATE "C" NOT NULL,
    search_names  tsvector NOT NULL
);
