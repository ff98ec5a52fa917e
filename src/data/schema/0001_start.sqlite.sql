-- SQLite only: titles by trigram. The index holds no text of its own; the triggers keep it true to media.
CREATE VIRTUAL TABLE media_titles USING fts5 (
    titles_folded, content = 'media', content_rowid = 'seq', tokenize = 'trigram');
CREATE TRIGGER media_titles_insert AFTER INSERT ON media BEGIN
    INSERT INTO media_titles (rowid, titles_folded) VALUES (new.seq, new.titles_folded);
END;
CREATE TRIGGER media_titles_delete AFTER DELETE ON media BEGIN
    INSERT INTO media_titles (media_titles, rowid, titles_folded) VALUES ('delete', old.seq, old.titles_folded);
END;
CREATE TRIGGER media_titles_update AFTER UPDATE OF titles_folded ON media BEGIN
    INSERT INTO media_titles (media_titles, rowid, titles_folded) VALUES ('delete', old.seq, old.titles_folded);
    INSERT INTO media_titles (rowid, titles_folded) VALUES (new.seq, new.titles_folded);
END;
