-- PostgreSQL only: few errors rank higher than trigrams say, as in base/similar.h, and letters that changed places are one
-- error. word_edits is not STRICT, or it would not become part of the query; unnest, since the planner takes a table of
-- words for so many rows that it compiles the query for each title.
CREATE FUNCTION word_edits(word TEXT, part TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE
        WHEN abs(length(word) - length(part)) > 2 OR length(part) > 40 THEN 3
        WHEN length(word) = length(part) AND word <> part AND translate(word, part, '') = '' AND translate(part, word, '') = ''
            AND levenshtein_less_equal(word, part, 2) = 2 THEN 1
        ELSE levenshtein_less_equal(word, part, 2) END $$;
CREATE FUNCTION words_alike(titles TEXT, wanted TEXT) RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN sum(best) <= 2 THEN 1 - 0.2 * sum(best) END::float8 FROM (SELECT part, coalesce(min(word_edits(word, part)) FILTER (WHERE
            word_edits(word, part) <= CASE WHEN length(part) < 4 THEN 0 WHEN length(part) < 8 THEN 1 ELSE 2 END), 3) AS best
        FROM unnest(regexp_split_to_array(left(wanted, 100), '[^[:alnum:]]+')) AS part,
            unnest(regexp_split_to_array(titles, '[^[:alnum:]]+')) AS word
        WHERE part <> '' GROUP BY part) AS words $$;
CREATE OR REPLACE FUNCTION titles_rank(titles TEXT, wanted TEXT) RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT CASE
        WHEN position(E'\n' || wanted || E'\n' IN E'\n' || titles || E'\n') > 0 THEN 4
        WHEN position(E'\n' || wanted IN E'\n' || titles) > 0 THEN 3 + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        WHEN position(wanted IN titles) > 0 THEN 2 + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        WHEN word_similarity(wanted, titles) < 0.15 AND octet_length(wanted) > 6 THEN 0
        WHEN word_similarity(wanted, titles) >= 0.45 THEN greatest(word_similarity(wanted, titles), words_alike(titles, wanted))
            + length(wanted)::float8 / (length(titles) + length(wanted) + 1)
        ELSE coalesce(words_alike(titles, wanted) + length(wanted)::float8 / (length(titles) + length(wanted) + 1), 0) END $$;
DROP FUNCTION titles_have_words(TEXT, TEXT);
