-- PostgreSQL only: the functions that backends/db/db.h promises. Titles are alike by pg_trgm, or word by word by the
-- letters that differ (fuzzystrmatch counts two that are swapped as two).
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
CREATE FUNCTION fold(value TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT lower(unaccent(value)) $$;
CREATE FUNCTION titles_have_words(titles TEXT, wanted TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT bool_and(EXISTS (SELECT 1 FROM regexp_split_to_table(titles, '[^[:alnum:]]+') AS word
        WHERE length(word) < 100 AND levenshtein_less_equal(word, part, 2) <=
            CASE WHEN length(part) < 4 THEN 0 WHEN length(part) < 5 THEN 1 ELSE 2 END))
        FROM regexp_split_to_table(left(wanted, 100), '[^[:alnum:]]+') AS part WHERE part <> '' $$;
CREATE FUNCTION titles_rank(titles TEXT, wanted TEXT) RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT CASE
        WHEN position(E'\n' || wanted || E'\n' IN E'\n' || titles || E'\n') > 0 THEN 4
        WHEN position(E'\n' || wanted IN E'\n' || titles) > 0 THEN 3 + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        WHEN position(wanted IN titles) > 0 THEN 2 + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        WHEN word_similarity(wanted, titles) >= 0.45 THEN word_similarity(wanted, titles)
            + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        WHEN titles_have_words(titles, wanted) THEN 0.45 + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        ELSE 0 END $$;
CREATE FUNCTION titles_match(titles TEXT, wanted TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT CASE
        WHEN wanted = '' THEN 1
        WHEN length(wanted) < 3 THEN (position(' ' || wanted IN ' ' || regexp_replace(titles, '[^[:alnum:]]', ' ', 'g')) > 0)::int
        ELSE (titles_rank(titles, wanted) > 0)::int END $$;
